//! On both databases: every order shows each row once, forwards and back, and walks an index whatever is asked for.

use std::cmp::Ordering;

use model::{SongId, Timestamp, TokenId, history::SongFilter, plan::Plan, verdict::Stage};
use uuid::Uuid;

use super::*;
use crate::{Owner, Token, db::record::Record, testing::some_account};

/// Fills the history of an account with 10^`digits` analyses: scores and loudness that are missing or many times the
/// same, titles that repeat, all states, and a song.
async fn fill(db: &Db, account: AccountId, digits: usize) {
    const UPLOAD: &str = "
        INSERT INTO upload (id, account_id, kind, state, file_name, size_bytes, media_type, created_at)
        VALUES ($1, $2, 'mix', 'removed', 'a.wav', 1, 'audio/wav', 1)";
    const ANALYSIS: &str = "
        INSERT INTO analysis (id, account_id, upload_id, title, state, phase, percent, created_at)
        VALUES ($1, $2, $1, '', 'done', 'saving', 100, 1)";
    const SONG: &str = "INSERT INTO song (id, account_id, title, title_key, created_at) VALUES ($1, $2, 'Okapi', 'okapi', 1)";
    const VALUES: &str = "
        UPDATE analysis SET
            title = 'Song ' || (CAST(substr(id, 1, 4) AS BIGINT) % 90),
            title_key = 'song ' || (CAST(substr(id, 1, 4) AS BIGINT) % 90),
            search_key = 'song ' || (CAST(substr(id, 1, 4) AS BIGINT) % 90) || ' 100% söhne_' || substr(id, 1, 4),
            state = CASE CAST(substr(id, 1, 4) AS BIGINT) % 9 WHEN 0 THEN 'failed' WHEN 1 THEN 'running' WHEN 2 THEN 'queued' ELSE 'done' END,
            score_tenths = CASE WHEN CAST(substr(id, 1, 4) AS BIGINT) % 9 > 2 THEN CAST(substr(id, 1, 4) AS BIGINT) * 37 % 301 + 700 END,
            standing = CASE WHEN CAST(substr(id, 1, 4) AS BIGINT) % 9 > 2 THEN 'close' END,
            stage = CASE WHEN CAST(substr(id, 1, 4) AS BIGINT) % 9 > 2 THEN CASE CAST(substr(id, 1, 4) AS BIGINT) % 2 WHEN 0 THEN 'mix' ELSE 'master' END END,
            integrated_lufs = CASE WHEN CAST(substr(id, 1, 4) AS BIGINT) % 9 > 3 THEN -10.1 - CAST(substr(id, 1, 4) AS BIGINT) * 13 % 70 / 10.0 END,
            duration_s = 120 + CAST(substr(id, 1, 4) AS BIGINT) * 7 % 240,
            song_id = CASE CAST(substr(id, 1, 4) AS BIGINT) % 500 WHEN 7 THEN $2 END
        WHERE account_id = $1";
    let first = format!("{}{}", "0".repeat(4), &account.to_string()[4..]);
    let mut tx = db.begin().await.unwrap();
    for insert in [UPLOAD, ANALYSIS] {
        tx.execute(sql(insert).bind(first.clone()).bind(account))
            .await
            .unwrap();
    }
    tx.execute(sql(SONG).bind(song()).bind(account)).await.unwrap();
    // Each digit of the first four in turn: one row becomes ten.
    for place in 4 - digits..4 {
        for digit in 1..10 {
            for (table, columns) in [
                (
                    "upload",
                    "account_id, kind, state, file_name, size_bytes, media_type, created_at",
                ),
                ("analysis", "account_id, title, state, phase, percent, created_at"),
            ] {
                let id = format!("substr(id, 1, {place}) || '{digit}' || substr(id, {})", place + 2);
                let upload = if table == "analysis" {
                    ["upload_id, ", &format!("{id}, ")]
                } else {
                    ["", ""]
                };
                let [name, value] = upload;
                let text = format!(
                    "INSERT INTO {table} (id, {name}{columns}) SELECT {id}, {value}{columns} FROM {table}
                     WHERE account_id = $1 AND substr(id, {}, 1) = '0'",
                    place + 1
                );
                tx.execute(sql(String::leak(text)).bind(account)).await.unwrap();
            }
        }
    }
    tx.execute(sql(VALUES).bind(account).bind(song())).await.unwrap();
    tx.commit().await.unwrap();
}

fn song() -> SongId {
    SongId(Uuid::from_u128(77))
}

fn filters() -> [HistoryQuery; 8] {
    let query = HistoryQuery::default;
    [
        query(),
        HistoryQuery {
            search: "SONG 7".to_owned(),
            ..query()
        },
        HistoryQuery {
            search: "nowhere".to_owned(),
            ..query()
        },
        HistoryQuery {
            standing: Some(StatusFilter::Failed),
            ..query()
        },
        HistoryQuery {
            standing: Some(StatusFilter::Running),
            ..query()
        },
        HistoryQuery {
            stage: Some(Stage::Master),
            ..query()
        },
        HistoryQuery {
            song: Some(SongFilter::One(song())),
            ..query()
        },
        HistoryQuery {
            search: "song".to_owned(),
            standing: Some(StatusFilter::Done),
            stage: Some(Stage::Mix),
            song: Some(SongFilter::None),
            ..query()
        },
    ]
}

/// All pages from the first on, as ids; the last page's own keys.
async fn forwards(db: &Db, account: AccountId, query: &HistoryQuery) -> (Vec<AnalysisPage>, Vec<String>) {
    let mut pages = Vec::new();
    let mut cursor = None;
    loop {
        let page = read(db, account, query, cursor.as_ref()).await.unwrap();
        cursor = page.next.clone().map(PageCursor::After);
        pages.push(page);
        if cursor.is_none() {
            break;
        }
    }
    let ids = pages
        .iter()
        .flat_map(|page| &page.rows)
        .map(|row| row.id.to_string())
        .collect();
    (pages, ids)
}

/// What the database should answer, by the summaries of all rows.
fn sorted(rows: &[model::analysis::AnalysisSummary], sort: Sort) -> Vec<String> {
    let mut rows: Vec<_> = rows.iter().collect();
    let number = |value: Option<f64>, absent: f64| value.unwrap_or(absent);
    rows.sort_by(|a, b| {
        let tenths =
            |row: &model::analysis::AnalysisSummary| row.score.map(|score| f64::from(score.points.tenths()));
        let (ids, back) = (a.id.cmp(&b.id), b.id.cmp(&a.id));
        let by =
            |x: Option<f64>, y: Option<f64>, absent: f64| number(x, absent).total_cmp(&number(y, absent));
        match sort {
            Sort::Newest => back,
            Sort::Oldest => ids,
            Sort::Best => by(tenths(b), tenths(a), -1e9).then(back),
            Sort::Worst => by(tenths(a), tenths(b), 1e9).then(ids),
            Sort::Title => a.title.cmp(&b.title).then(ids),
            Sort::Loudest => by(b.integrated_lufs, a.integrated_lufs, -1e9).then(back),
            Sort::Quietest => by(a.integrated_lufs, b.integrated_lufs, 1e9).then(ids),
        }
    });
    rows.iter().map(|row| row.id.to_string()).collect()
}

crate::contract! {
    async fn every_order_shows_every_row_once_forwards_and_back(db: &Db) {
        let account = some_account(db, 1).await;
        fill(db, account, 3).await;
        // Somebody else's rows are nowhere.
        fill_for_another(db).await;
        let (pages, _) = forwards(db, account, &HistoryQuery::default()).await;
        let everything: Vec<_> = pages.into_iter().flat_map(|page| page.rows).collect();
        assert_eq!(everything.len(), 1_000);
        for sort in Sort::ALL {
            for filter in filters() {
                let query = HistoryQuery { sort, ..filter };
                let (pages, ids) = forwards(db, account, &query).await;
                let expected = sorted(&everything, sort);
                let expected: Vec<String> = if query.is_filtered() {
                    expected.into_iter().filter(|id| ids.contains(id)).collect()
                } else {
                    expected
                };
                assert_eq!(ids.len(), expected.len(), "{query:?}: a row comes twice");
                assert!(ids == expected, "{query:?}: in order");
                // Back from the last page to the first one, over the same pages.
                let mut at = pages.len() - 1;
                let mut cursor = pages[at].previous.clone().map(PageCursor::Before);
                while let Some(before) = cursor {
                    at -= 1;
                    let page = read(db, account, &query, Some(&before)).await.unwrap();
                    assert!(page.rows == pages[at].rows, "{query:?}: page {at} on the way back");
                    cursor = page.previous.map(PageCursor::Before);
                }
                assert_eq!(at, 0, "{query:?}");
                assert!(pages[0].previous.is_none());
            }
        }
    }

    async fn filters_leave_out_what_they_say(db: &Db) {
        let account = some_account(db, 1).await;
        fill(db, account, 3).await;
        let count = async |query: HistoryQuery| forwards(db, account, &query).await.1.len();
        let query = HistoryQuery::default;
        let search = |search: &str| HistoryQuery { search: search.to_owned(), ..query() };
        // 1,000 rows; 89 of them have the remainder 7 of 90, 70 to 79, and so on.
        assert_eq!(count(search("SÖHNE_0123")).await, 0, "the keys of the test are not folded, and `_` is itself");
        assert_eq!(count(search("hne_0123")).await, 1);
        assert_eq!(count(search("100%")).await, 1_000);
        assert_eq!(count(search("1000%")).await, 0);
        assert_eq!(count(search("song_")).await, 0);
        assert_eq!(count(search("0123 100 song")).await, 1);
        assert_eq!(count(HistoryQuery { standing: Some(StatusFilter::Failed), ..query() }).await, 112);
        assert_eq!(count(HistoryQuery { standing: Some(StatusFilter::Running), ..query() }).await, 222);
        assert_eq!(count(HistoryQuery { standing: Some(StatusFilter::Done), ..query() }).await, 666);
        let stages = [Stage::Mix, Stage::Master].map(|stage| HistoryQuery { stage: Some(stage), ..query() });
        let [mixes, masters] = stages;
        assert_eq!(count(mixes).await + count(masters).await, 666);
        assert_eq!(count(HistoryQuery { song: Some(SongFilter::One(song())), ..query() }).await, 2);
        assert_eq!(count(HistoryQuery { song: Some(SongFilter::None), ..query() }).await, 998);
        let page = read(db, account, &HistoryQuery { song: Some(SongFilter::One(song())), ..query() }, None).await.unwrap();
        let places: Vec<_> = page.rows.iter().map(|row| row.song.as_ref().map(|place| (place.title.as_str(), place.version))).collect();
        assert_eq!(places, [Some(("Okapi", 2)), Some(("Okapi", 1))]);
    }

    /// A page of a search reads [`READ_AT_MOST`] analyses, and the pages behind it the rest.
    async fn a_search_stops_and_goes_on_where_it_stopped(db: &Db) {
        let account = some_account(db, 1).await;
        fill(db, account, 4).await;
        for sort in Sort::ALL {
            // One row of ten thousand, and none.
            for (search, count) in [("hne_0005", 1), ("hne_9995", 1), ("nowhere", 0)] {
                let query = HistoryQuery { search: search.to_owned(), sort, ..HistoryQuery::default() };
                let (pages, ids) = forwards(db, account, &query).await;
                assert_eq!(ids.len(), count, "{query:?}");
                let looked: Vec<_> = pages.iter().map(|page| page.looked_through).collect();
                let expected: Vec<_> = [Some(1_000); 9].into_iter().chain([None]).collect();
                assert_eq!(looked, expected, "{query:?}");
                // And back over all of it.
                let mut cursor = pages[8].next.clone().map(PageCursor::Before);
                let mut found = pages[9].rows.clone();
                while let Some(before) = cursor {
                    let page = read(db, account, &query, Some(&before)).await.unwrap();
                    found.extend(page.rows);
                    cursor = page.previous.map(PageCursor::Before);
                }
                assert_eq!(found.len(), count, "{query:?}, on the way back");
            }
            let query = HistoryQuery { search: "hne".to_owned(), sort, ..HistoryQuery::default() };
            let page = read(db, account, &query, None).await.unwrap();
            assert_eq!((page.rows.len(), page.looked_through), (25, None), "{query:?}: there was no need to stop");
        }
    }

    /// 10,000 analyses page as quickly as 10: no order sorts, and each page begins at its key.
    async fn no_page_of_ten_thousand_sorts_them(db: &Db) {
        let account = some_account(db, 1).await;
        fill(db, account, 4).await;
        if db.kind() == "PostgreSQL" {
            db.execute(sql("ANALYZE")).await.unwrap();
        }
        let key = |sort: Sort| SortKey { id: "50".to_owned(), ..SortKey::start(sort) };
        for sort in Sort::ALL {
            for filter in filters() {
                for direction in [Direction::Forwards, Direction::Backwards] {
                    let query = HistoryQuery { sort, ..filter.clone() };
                    let explained = explained(db, statements(sort, direction));
                    let mut plan = plan_of(db, select(explained, account, &query, &key(sort), Size::Page)).await;
                    if !query.is_filtered() {
                        let known = from_key(explained.known, account, &key(sort));
                        plan += &plan_of(db, token(account).bind(known, Timestamp(1))).await;
                    }
                    let says = |words: &str| plan.contains(words);
                    let reported = format!("{query:?}, {direction:?}:\n{plan}");
                    if db.kind() == "SQLite" {
                        // What was found among a few thousand may be sorted.
                        assert!(query.is_filtered() || !says("TEMP B-TREE"), "{reported}");
                        assert!(!says("SCAN analysis") && !says("SCAN upload"), "{reported}");
                        let index = match sort {
                            Sort::Newest | Sort::Oldest => "history_by_time",
                            Sort::Best => "history_by_best",
                            Sort::Worst => "history_by_worst",
                            Sort::Title => "history_by_title",
                            Sort::Loudest => "history_by_loudest",
                            Sort::Quietest => "history_by_quietest",
                        };
                        assert!(says(index), "{reported}");
                        // From the key on, and not from the beginning.
                        let reach = plan.lines().find(|line| line.contains(index)).unwrap();
                        assert!(reach.contains('<') || reach.contains('>'), "{reported}");
                    } else {
                        assert!(says("Index Scan") || says("Index Only Scan"), "{reported}");
                        assert!(query.is_filtered() || !says("Sort"), "{reported}");
                        assert!(!says("Seq Scan on analysis"), "{reported}");
                    }
                }
            }
        }
    }

    async fn a_key_that_is_none_is_refused_and_one_of_a_deleted_row_still_holds(db: &Db) {
        let account = some_account(db, 1).await;
        fill(db, account, 2).await;
        let query = HistoryQuery { sort: Sort::Best, ..HistoryQuery::default() };
        let first = read(db, account, &query, None).await.unwrap();
        let key = first.next.clone().unwrap();
        for bad in ["", "x", "%%%", "bmV3ZXN0IDEgMg", &key[1..]] {
            let error = read(db, account, &query, Some(&PageCursor::After(bad.to_owned()))).await.unwrap_err();
            assert_eq!(error.code(), model::ProblemCode::Invalid, "{bad}");
            assert_eq!(error.to_problem("").field.as_deref(), Some("page"), "{bad}");
        }
        let other_order = HistoryQuery { sort: Sort::Worst, ..query.clone() };
        assert!(read(db, account, &other_order, Some(&PageCursor::After(key.clone()))).await.is_err());

        let second = read(db, account, &query, Some(&PageCursor::After(key.clone()))).await.unwrap();
        let last = first.rows.last().unwrap();
        db.execute(sql("DELETE FROM analysis WHERE id = $1").bind(last.id)).await.unwrap();
        let again = read(db, account, &query, Some(&PageCursor::After(key))).await.unwrap();
        assert_eq!(again.rows, second.rows);
        let many = HistoryQuery { search: "a b c d e f g".to_owned(), ..query };
        assert_eq!(read(db, account, &many, None).await.unwrap_err().to_problem("").field.as_deref(), Some("q"));
    }

    async fn keys_follow_titles_songs_and_file_names(db: &Db) {
        let account = some_account(db, 1).await;
        fill(db, account, 1).await;
        let wide = HistoryQuery { search: "OKAPI".to_owned(), ..HistoryQuery::default() };
        assert_eq!(read(db, account, &wide, None).await.unwrap().rows.len(), 0);
        let mut tx = db.begin().await.unwrap();
        crate::analyses::sort_keys::refresh_song(&mut tx, song()).await.unwrap();
        tx.commit().await.unwrap();
        let page = read(db, account, &wide, None).await.unwrap();
        assert_eq!(page.rows.len(), 1, "found by its song");
        let id = page.rows[0].id;
        db.execute(sql("UPDATE analysis SET title = 'Ström 12' WHERE id = $1").bind(id)).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        crate::analyses::sort_keys::refresh(&mut tx, id).await.unwrap();
        tx.commit().await.unwrap();
        for (words, count) in [("STRÖM", 1), ("strom", 1), ("a.wav strom okapi", 1), ("song 7", 0)] {
            let query = HistoryQuery { search: words.to_owned(), ..HistoryQuery::default() };
            assert_eq!(read(db, account, &query, None).await.unwrap().rows.len(), count, "{words}");
        }
    }
}

async fn fill_for_another(db: &Db) {
    const ANALYSIS: &str = "
        INSERT INTO analysis (id, account_id, upload_id, title, title_key, search_key, state, phase, percent, created_at)
        VALUES ($1, $2, $1, 'Song 7', 'song 7', 'song 7', 'done', 'saving', 100, 1)";
    const UPLOAD: &str = "
        INSERT INTO upload (id, account_id, kind, state, file_name, size_bytes, media_type, created_at)
        VALUES ($1, $2, 'mix', 'removed', 'a.wav', 1, 'audio/wav', 1)";
    let other = some_account(db, 2).await;
    for insert in [UPLOAD, ANALYSIS] {
        let id = AnalysisId(Uuid::from_u128(0x0500_0000_0000_0000_0000_0000_0000_0002));
        db.execute(sql(insert).bind(id).bind(other)).await.unwrap();
    }
}

fn token(account: AccountId) -> KnownToken {
    let owner = Owner {
        account,
        plan: Plan::Pro,
    };
    KnownToken(ShownToken {
        id: TokenId(Uuid::from_u128(1)),
        token: Token::live(owner, vec![Scope::ReadAnalyses]),
    })
}

fn explained(db: &Db, statements: Statements) -> Statements {
    let explain = if db.kind() == "SQLite" {
        "EXPLAIN QUERY PLAN"
    } else {
        "EXPLAIN"
    };
    let explained = |text: &str| -> &'static str { String::leak(format!("{explain} {text}")) };
    Statements {
        page: explained(statements.page),
        known: explained(statements.known),
        table: explained(statements.table),
        filtered: explained(statements.filtered),
        edge: explained(statements.edge),
    }
}

async fn plan_of(db: &Db, statement: Sql) -> String {
    let rows: Vec<Record> = db.all(statement).await.unwrap();
    let lines: Vec<String> = rows
        .iter()
        .flat_map(|row| row.0.values())
        .filter_map(|value| value.as_str().map(str::to_owned))
        .collect();
    lines.join("\n")
}

#[test]
fn a_key_survives_its_text() {
    for sort in Sort::ALL {
        let key = SortKey {
            id: Uuid::from_u128(7).simple().to_string(),
            value: match SortKey::start(sort).value {
                Some(Value::Text(_)) => Some("night drive 013 · söhne".into()),
                Some(Value::Real(_)) => Some((-14.299_999_999_999_999).into()),
                Some(Value::Int(_)) => Some(974_i64.into()),
                other => other,
            },
            sort,
        };
        assert_eq!(SortKey::parse(&key.text(), sort).unwrap(), key);
        assert_eq!(NO_SCORE.0.cmp(&0), Ordering::Less);
    }
}
