//! The transitions of a job, on both databases.

use std::{collections::HashSet, time::Duration};

use uuid::Uuid;

use super::*;
use crate::{
    entropy::{SeededEntropy, new_id},
    jobs::Queue,
    testing::some_account,
};

const NOW: Timestamp = Timestamp(1_800_000_000_000);
const LEASE: Duration = Duration::from_secs(60);

/// An id that is told by its name.
fn id(name: &str) -> JobId {
    let mut bytes = [0; 16];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    JobId(Uuid::from_bytes(bytes))
}

async fn add(db: &Db, name: &str, run_at: Timestamp) {
    add_for(db, name, run_at, None, None).await;
}

async fn add_for(
    db: &Db,
    name: &str,
    run_at: Timestamp,
    dedupe_key: Option<&str>,
    account_id: Option<AccountId>,
) -> bool {
    let mut tx = db.begin().await.unwrap();
    let job = NewJob {
        id: id(name),
        queue: Queue::Storage,
        kind: "reap",
        payload: "{}".into(),
        dedupe_key,
        max_attempts: 2,
        run_at,
        account_id,
        created_at: NOW,
    };
    let is_new = enqueue(&mut tx, job).await.unwrap();
    tx.commit().await.unwrap();
    is_new
}

async fn take(db: &Db, now: Timestamp, token: &str) -> Option<ClaimedRow> {
    let claimed = claim(db, Queue::Storage, now, token, now.plus(LEASE))
        .await
        .unwrap();
    // What the cheap look says is what the claim finds.
    if claimed.is_some() {
        return claimed;
    }
    assert!(!is_due(db, Queue::Storage, now).await.unwrap());
    None
}

/// State, attempts, whether it is leased.
async fn row(db: &Db, name: &str) -> (String, i64, bool) {
    db.one(
        sql("SELECT state, attempts, lease_until IS NOT NULL AS leased FROM job WHERE id = $1")
            .bind(id(name)),
    )
    .await
    .unwrap()
}

fn guard<'a>(name: &str, token: &'a str) -> LeaseGuard<'a> {
    LeaseGuard { id: id(name), token }
}

async fn finish_alone(db: &Db, guard: LeaseGuard<'_>) -> bool {
    let mut tx = db.begin().await.unwrap();
    let is_ours = finish(&mut tx, guard, NOW).await.unwrap();
    tx.commit().await.unwrap();
    is_ours
}

crate::contract! {
    async fn a_claim_takes_the_job_that_was_due_first_and_counts_the_attempt(db: &Db) {
        add(db, "b", NOW).await;
        add(db, "a", NOW.minus(Duration::from_secs(1))).await;
        add(db, "later", NOW.plus(Duration::from_secs(1))).await;
        assert!(is_due(db, Queue::Storage, NOW).await.unwrap());
        let first = take(db, NOW, "t1").await.unwrap();
        assert_eq!((first.id, first.state, first.attempts), (id("a"), JobState::Running, 1));
        assert_eq!(take(db, NOW, "t2").await.unwrap().id, id("b"));
        assert_eq!(take(db, NOW, "t3").await, None);
        assert_eq!(take(db, NOW.plus(Duration::from_secs(1)), "t4").await.unwrap().id, id("later"));
        assert_eq!(claim(db, Queue::Mail, NOW, "t5", NOW).await.unwrap(), None);
    }

    async fn the_many_files_of_one_account_do_not_hold_up_the_one_of_another(db: &Db) {
        let (many, one) = (some_account(db, 1).await, some_account(db, 2).await);
        for name in ["m1", "m2", "m3", "m4"] {
            add_for(db, name, NOW, None, Some(many)).await;
        }
        let later = NOW.plus(Duration::from_secs(1));
        add_for(db, "o1", later, None, Some(one)).await;
        add_for(db, "o2", later, None, Some(one)).await;
        // With one slot, in turns: each ends before the next is taken.
        for (second, name) in (1..).zip(["m1", "o1", "m2", "o2"]) {
            let token = format!("worker {second}");
            let now = later.plus(Duration::from_secs(second));
            assert_eq!(take(db, now, &token).await.unwrap().id, id(name), "{name}");
            assert!(finish_alone(db, guard(name, &token)).await);
        }
        // With two slots, whoever has one running waits for whoever has none.
        let now = later.plus(Duration::from_secs(9));
        assert_eq!(take(db, now, "a").await.unwrap().id, id("m3"));
        add_for(db, "o3", now, None, Some(one)).await;
        assert_eq!(take(db, now, "b").await.unwrap().id, id("o3"));
        assert_eq!(take(db, now, "c").await.unwrap().id, id("m4"), "nobody else waits");
    }

    async fn whoever_lost_the_lease_can_change_nothing(db: &Db) {
        add(db, "a", NOW).await;
        take(db, NOW, "old").await.unwrap();
        let later = NOW.plus(LEASE).plus(Duration::from_millis(1));
        assert_eq!(take(db, later, "new").await.unwrap().attempts, 1, "the death of a worker is no failure of its job");
        let old = guard("a", "old");
        assert!(!heartbeat(db, old, later).await.unwrap());
        assert!(!finish_alone(db, old).await);
        assert!(!retry(db, old, later, "cause").await.unwrap());
        assert!(!release(db, old, later, None).await.unwrap());
        assert!(!fail(db, old, "cause", later).await.unwrap());
        assert!(!discard(db, old, later).await.unwrap());
        assert_eq!(row(db, "a").await, ("running".into(), 1, true));
        assert!(finish_alone(db, guard("a", "new")).await);
        assert!(!finish_alone(db, guard("a", "new")).await, "a job is finished once");
        assert_eq!(row(db, "a").await, ("done".into(), 1, false));
    }

    async fn a_heartbeat_keeps_the_job(db: &Db) {
        add(db, "a", NOW).await;
        take(db, NOW, "t").await.unwrap();
        let later = NOW.plus(LEASE * 2);
        assert!(heartbeat(db, guard("a", "t"), later.plus(LEASE)).await.unwrap());
        assert_eq!(take(db, later, "u").await, None);
    }

    async fn a_job_that_gets_on_is_not_taken_for_what_kills_its_workers(db: &Db) {
        add(db, "a", NOW).await;
        for death in 0..3 * MAX_DEATHS {
            let worker = format!("worker {death}");
            let claimed = take(db, NOW.plus(LEASE * 2 * death), &worker).await.unwrap();
            assert_eq!((claimed.state, claimed.deaths), (JobState::Running, u32::from(death > 0)), "{death}");
            assert!(forget_deaths(db, guard("a", &worker)).await.unwrap());
        }
        assert!(!forget_deaths(db, guard("a", "worker 0")).await.unwrap(), "who lost the lease forgets nothing");
    }

    async fn a_job_that_never_comes_back_is_dead_after_many_deaths_and_the_queue_moves_on(db: &Db) {
        add(db, "poison", NOW).await;
        add(db, "next", NOW.plus(LEASE * 90)).await;
        for death in 0..MAX_DEATHS {
            let claimed = take(db, NOW.plus(LEASE * 2 * death), &format!("worker {death}")).await.unwrap();
            assert_eq!((claimed.state, claimed.attempts), (JobState::Running, 1), "{death} deaths say nothing of the job");
        }
        let late = NOW.plus(LEASE * 100);
        let dead_row = take(db, late, "3").await.unwrap();
        assert_eq!((dead_row.state, dead_row.attempts), (JobState::Dead, 1));
        assert_eq!(take(db, late, "4").await.unwrap().id, id("next"));
        assert!(!finish_alone(db, guard("poison", "worker 7")).await);
        // Whoever was to tell of the death has died as well.
        let later = NOW.plus(LEASE * 110);
        assert_eq!(take(db, later, "5").await.unwrap().state, JobState::Dead);
        assert!(discard(db, guard("poison", "5"), later).await.unwrap());
        assert_eq!(row(db, "poison").await, ("dead".into(), 1, false));
        let listed = dead(db, 10).await.unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].last_error.as_deref(), Some("its worker did not come back"));
    }

    async fn a_retry_waits_and_keeps_its_attempts(db: &Db) {
        add(db, "a", NOW).await;
        take(db, NOW, "t").await.unwrap();
        let later = NOW.plus(Duration::from_secs(5));
        assert!(retry(db, guard("a", "t"), later, "cause").await.unwrap());
        assert_eq!(row(db, "a").await, ("queued".into(), 1, false));
        assert_eq!(take(db, NOW, "u").await, None);
        assert_eq!(take(db, later, "u").await.unwrap().attempts, 2);
    }

    async fn a_released_job_has_its_attempt_back(db: &Db) {
        add(db, "a", NOW).await;
        take(db, NOW, "t").await.unwrap();
        assert!(release(db, guard("a", "t"), NOW, None).await.unwrap());
        assert_eq!(row(db, "a").await, ("queued".into(), 0, false));
    }

    async fn a_failed_job_is_dead_and_leased_until_its_death_was_handled(db: &Db) {
        add(db, "a", NOW).await;
        take(db, NOW, "t").await.unwrap();
        assert!(fail(db, guard("a", "t"), "cause", NOW.plus(LEASE)).await.unwrap());
        assert_eq!(row(db, "a").await, ("dead".into(), 1, true));
        assert!(!release(db, guard("a", "t"), NOW, None).await.unwrap());
        assert!(discard(db, guard("a", "t"), NOW).await.unwrap());
        assert_eq!(take(db, NOW.plus(LEASE * 2), "u").await, None);
    }

    async fn a_job_of_a_rolled_back_transaction_was_never_there(db: &Db) {
        let mut tx = db.begin().await.unwrap();
        let job = NewJob {
            id: id("a"),
            queue: Queue::Storage,
            kind: "reap",
            payload: "{}".into(),
            dedupe_key: None,
            max_attempts: 1,
            run_at: NOW,
            account_id: None,
            created_at: NOW,
        };
        assert!(enqueue(&mut tx, job).await.unwrap());
        assert!(is_queued(&mut tx, Queue::Storage, "reap").await.unwrap());
        drop(tx);
        assert_eq!(take(db, NOW, "t").await, None);
    }

    async fn a_second_job_of_the_same_key_is_not_made(db: &Db) {
        assert!(add_for(db, "a", NOW, Some("key"), None).await);
        assert!(!add_for(db, "b", NOW, Some("key"), None).await);
        assert!(add_for(db, "c", NOW, Some("other"), None).await);
        assert!(add_for(db, "d", NOW, None, None).await);
        assert!(add_for(db, "e", NOW, None, None).await);
    }

    async fn a_job_goes_with_its_account_and_takes_the_lease_with_it(db: &Db) {
        db.execute(sql(
            "INSERT INTO account (id, email, email_key, display_name, password_hash, plan, terms_accepted_at, terms_version, created_at) \
             VALUES ($1, 'a', 'a', 'a', 'a', 'free', 0, '1', 0)",
        ).bind(AccountId(Uuid::nil())))
        .await
        .unwrap();
        add_for(db, "a", NOW, None, Some(AccountId(Uuid::nil()))).await;
        take(db, NOW, "t").await.unwrap();
        db.execute(sql("DELETE FROM account")).await.unwrap();
        assert!(!heartbeat(db, guard("a", "t"), NOW).await.unwrap());
    }

    async fn the_figures_tell_what_waits_and_what_ended(db: &Db) {
        assert_eq!(oldest_due(db, Queue::Storage, NOW).await.unwrap(), None);
        add(db, "a", NOW.minus(LEASE)).await;
        add(db, "b", NOW).await;
        add(db, "c", NOW.plus(LEASE)).await;
        assert_eq!(oldest_due(db, Queue::Storage, NOW).await.unwrap(), Some(NOW.minus(LEASE)));
        take(db, NOW, "t").await.unwrap();
        let count = |state, count| Count { queue: Queue::Storage, state, count };
        assert_eq!(counts(db).await.unwrap(), [count(JobState::Queued, 2), count(JobState::Running, 1)]);
        assert_eq!(oldest_due(db, Queue::Storage, NOW).await.unwrap(), Some(NOW));
        assert!(finish_alone(db, guard("a", "t")).await);
        assert_eq!(counts(db).await.unwrap(), [count(JobState::Queued, 2)], "what is done is not counted");
        assert_eq!(waiting(db, Queue::Storage, NOW).await.unwrap(), 0, "not due, and never tried");
        take(db, NOW, "u").await.unwrap();
        assert!(retry(db, guard("b", "u"), NOW.plus(LEASE), "the storage is away").await.unwrap());
        assert_eq!(waiting(db, Queue::Storage, NOW).await.unwrap(), 1);
        assert_eq!(purge(db, JobState::Done, NOW).await.unwrap(), 0);
        assert_eq!(purge(db, JobState::Dead, NOW.plus(LEASE)).await.unwrap(), 0);
        assert_eq!(purge(db, JobState::Done, NOW.plus(LEASE)).await.unwrap(), 1);
    }

    async fn a_slot_is_taken_once_and_only_forwards(db: &Db) {
        let take = async |slot: i64| {
            let mut tx = db.begin().await.unwrap();
            let taken = claim_slot(&mut tx, "reap", Timestamp(slot), Timestamp(slot + 1000)).await.unwrap();
            tx.commit().await.unwrap();
            taken
        };
        assert_eq!(slot(db, "reap").await.unwrap(), None);
        assert!(take(100).await);
        assert!(!take(100).await);
        assert!(!take(50).await);
        assert!(take(200).await);
        assert_eq!(slot(db, "reap").await.unwrap(), Some(Timestamp(200)));
        assert!(take(9000).await);
        assert!(take(300).await, "a slot far ahead was nonsense");
    }

    async fn many_claimers_take_each_job_once(db: &Db) {
        const JOBS: usize = 60;
        for n in 0..JOBS {
            add(db, &format!("{n:03}"), NOW).await;
        }
        let claimers = (0..8).map(|seed| {
            let db = db.clone();
            tokio::spawn(async move {
                let entropy = SeededEntropy::new(seed);
                let mut mine = Vec::new();
                let token = || new_id(&entropy, NOW).simple().to_string();
                // Not `take`: what another claimer is just taking still looks due.
                while let Some(row) = claim(&db, Queue::Storage, NOW, &token(), NOW.plus(LEASE)).await.unwrap() {
                    mine.push(row.id);
                }
                mine
            })
        });
        let mut all = Vec::new();
        for claimer in claimers.collect::<Vec<_>>() {
            all.extend(claimer.await.unwrap());
        }
        assert_eq!(all.len(), JOBS);
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), JOBS);
    }
}
