//! Rows of songs on both databases; what people do with songs is tested over HTTP.

use model::{Timestamp, analysis::Phase};
use uuid::Uuid;

use super::*;
use crate::{
    db::{Db, record::Record, sql},
    names::BaseTitle,
    testing::some_account,
};

async fn some_analysis(
    db: &Db,
    account: AccountId,
    number: u128,
    title: &str,
    duration_s: f64,
) -> AnalysisId {
    const UPLOAD: &str = "
        INSERT INTO upload (id, account_id, kind, state, file_name, size_bytes, media_type, created_at)
        VALUES ($1, $2, 'mix', 'removed', 'a.wav', 1, 'audio/wav', 1)";
    const ANALYSIS: &str = "
        INSERT INTO analysis (id, account_id, upload_id, title, title_key, base_title, state, phase, percent, created_at, duration_s)
        VALUES ($1, $2, $1, $3, $3, $4, 'done', $5, 100, 1, $6)";
    let id = AnalysisId(Uuid::from_u128(number));
    db.execute(sql(UPLOAD).bind(id).bind(account)).await.unwrap();
    let insert = sql(ANALYSIS)
        .bind(id)
        .bind(account)
        .bind(title)
        .bind(BaseTitle::of(title).text())
        .bind(Phase::Saving)
        .bind(duration_s);
    db.execute(insert).await.unwrap();
    id
}

fn song(number: u128) -> SongId {
    SongId(Uuid::from_u128(number))
}

crate::contract! {
    async fn a_title_is_one_song_whatever_its_case_and_each_person_has_their_own(db: &Db) {
        let (ann, bob) = (some_account(db, 1).await, some_account(db, 2).await);
        let mut tx = db.begin().await.unwrap();
        let first = store::of_title(&mut tx, ann, song(1), "Night Drive", Timestamp(5)).await.unwrap();
        assert_eq!(first, song(1));
        assert_eq!(store::of_title(&mut tx, ann, song(2), "NIGHT DRIVE", Timestamp(5)).await.unwrap(), song(1));
        assert_eq!(store::of_title(&mut tx, bob, song(3), "Night Drive", Timestamp(5)).await.unwrap(), song(3));
        assert!(!store::rename(&mut tx, bob, song(1), "Mine").await.unwrap());
        assert!(!store::delete(&mut tx, bob, song(1)).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(store::title(db, ann, song(1)).await.unwrap().as_deref(), Some("Night Drive"));
        assert_eq!(store::title(db, bob, song(1)).await.unwrap(), None);

        let mut tx = db.begin().await.unwrap();
        store::of_title(&mut tx, ann, song(4), "Other", Timestamp(5)).await.unwrap();
        let taken = store::rename(&mut tx, ann, song(4), "Night Drive").await.unwrap_err();
        assert!(is_unique_violation(&taken));
    }

    async fn a_song_goes_with_its_last_version_and_versions_outlive_their_song(db: &Db) {
        let account = some_account(db, 1).await;
        let first = some_analysis(db, account, 1, "Okapi v1", 100.0).await;
        let second = some_analysis(db, account, 2, "Okapi v2", 100.0).await;
        let mut tx = db.begin().await.unwrap();
        store::of_title(&mut tx, account, song(1), "Okapi", Timestamp(5)).await.unwrap();
        join(&mut tx, account, &[second, first], song(1)).await.unwrap();
        tx.commit().await.unwrap();
        let versions: Vec<_> = store::versions(db, account, song(1), 10).await.unwrap().into_iter().map(|row| row.summary()).collect();
        assert_eq!(versions.iter().map(|version| version.id).collect::<Vec<_>>(), [first, second]);
        assert_eq!(versions.iter().map(|version| version.song.clone().unwrap().version).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(store::version_before(db, song(1), second).await.unwrap(), Some(store::VersionRow { id: first, number: 1 }));
        assert_eq!(store::version_before(db, song(1), first).await.unwrap(), None);

        // The other song is made and emptied in the same breath.
        let mut tx = db.begin().await.unwrap();
        store::of_title(&mut tx, account, song(2), "Zebra", Timestamp(5)).await.unwrap();
        join(&mut tx, account, &[first], song(2)).await.unwrap();
        join(&mut tx, account, &[first], song(1)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(store::songs(db, account, None, 10).await.unwrap().len(), 1);

        let mut tx = db.begin().await.unwrap();
        store::set_song(&mut tx, account, first, None).await.unwrap();
        crate::analyses::delete_empty_songs(&mut tx, account).await.unwrap();
        tx.commit().await.unwrap();
        let rows = store::songs(db, account, None, 10).await.unwrap();
        assert_eq!((rows.len(), rows[0].versions), (1, 1));
        let mut tx = db.begin().await.unwrap();
        assert!(store::delete(&mut tx, account, song(1)).await.unwrap());
        tx.commit().await.unwrap();
        let left: Vec<(String,)> = db.all(sql("SELECT id FROM analysis WHERE song_id IS NULL")).await.unwrap();
        assert_eq!(left.len(), 2);
    }

    async fn somebody_elses_analysis_joins_no_song_of_mine(db: &Db) {
        let (ann, bob) = (some_account(db, 1).await, some_account(db, 2).await);
        let his = some_analysis(db, bob, 1, "Okapi v1", 100.0).await;
        let mut tx = db.begin().await.unwrap();
        store::of_title(&mut tx, ann, song(1), "Okapi", Timestamp(5)).await.unwrap();
        let error = join(&mut tx, ann, &[his], song(1)).await.unwrap_err();
        assert_eq!(error.code(), ProblemCode::NotFound);
        assert!(!store::set_song(&mut tx, ann, his, Some(song(1))).await.unwrap());
        assert!(!store::decline(&mut tx, ann, his).await.unwrap());
        tx.commit().await.unwrap();
        assert!(store::candidates(db, ann, 0.0..=1e9).await.unwrap().is_empty());
        assert!(!store::is_open(db, ann, his).await.unwrap());
        assert!(store::is_open(db, bob, his).await.unwrap());
    }

    async fn who_may_be_a_version_is_found_by_length_along_an_index(db: &Db) {
        let account = some_account(db, 1).await;
        for number in 1..=30_u32 {
            some_analysis(db, account, u128::from(number), "Okapi", f64::from(number) * 10.0).await;
        }
        let found = store::candidates(db, account, 95.0..=125.0).await.unwrap();
        assert_eq!(found.iter().map(|row| row.duration_s).collect::<Vec<_>>(), [100.0, 110.0, 120.0]);
        if db.kind() == "SQLite" {
            let text = String::leak(format!("EXPLAIN QUERY PLAN {}", store::CANDIDATES_STATEMENT));
            let rows: Vec<Record> = db.all(sql(text).bind(account).bind(95.0).bind(125.0)).await.unwrap();
            let plan = rows.iter().map(|row| serde_json::to_string(&row.0).unwrap()).collect::<String>();
            assert!(plan.contains("COVERING INDEX analysis_by_length") && plan.contains("duration_s>"), "{plan}");
            assert!(!plan.contains("TEMP B-TREE"), "{plan}");
        }
    }
}
