//! kill -9, a full disk, and how much memory a large object takes. The service runs in a child process: this very
//! test binary, told by its environment to run `a_child_serves` only.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use backend::storage::Storage;
use builtin_storage::DiskStore;
use futures::StreamExt as _;
use s3s::crypto::{Checksum as _, Md5};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::world::{QUARTER_HOUR, Request, WAV, files, key, now, serve, service, settings, until};

const FOLDER: &str = "STORAGE_TEST_FOLDER";

#[test]
#[ignore = "the child of the tests below"]
fn a_child_serves() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let store = DiskStore::open(folder).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        #[expect(clippy::print_stdout, reason = "the parent reads the address")]
        {
            println!("\nlistening {}", listener.local_addr().unwrap());
        }
        serve(listener, service(store)).await;
    });
}

/// A service in a process of its own, killed with -9 at the latest when dropped.
struct Victim {
    child: Child,
    storage: Storage,
    address: SocketAddr,
}

impl Victim {
    /// `limit` runs before it in the same shell.
    fn start(folder: &Path, limit: &str) -> Self {
        let mut child = Command::new("sh")
            .arg("-c")
            .arg(format!(
                "{limit} exec \"$0\" --exact crashes::a_child_serves --ignored --nocapture"
            ))
            .arg(std::env::current_exe().unwrap())
            .env(FOLDER, folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map(Result::unwrap);
        let address = lines
            .find_map(|line| line.strip_prefix("listening ").map(|at| at.parse().unwrap()))
            .unwrap();
        Self {
            child,
            storage: Storage::new(&settings(address)),
            address,
        }
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    async fn put(&self, upload: u128, length: usize) -> Request {
        let length = u64::try_from(length).unwrap();
        let put = self
            .storage
            .presign_put(&key(1, upload), length, WAV, QUARTER_HOUR, now())
            .await
            .unwrap();
        let target = put
            .url
            .strip_prefix(&format!("http://{}", self.address))
            .unwrap()
            .to_owned();
        Request {
            address: self.address,
            method: "PUT".to_owned(),
            target,
            headers: put.headers,
        }
    }

    /// The most memory that the process ever held, in KiB.
    fn peak_memory(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
    }
}

#[tokio::test]
async fn p03_a_kill_in_the_middle_of_an_upload_leaves_no_half_object() {
    let folder = tempfile::tempdir().unwrap();
    let victim = Victim::start(folder.path(), "");
    let fresh = files(folder.path());
    let length = 4 << 20;
    let put = victim
        .put(1, length)
        .await
        .header("content-length", &length.to_string());
    let mut stream = put.start().await.unwrap();
    stream.write_all(&vec![7; length / 2]).await.unwrap();
    let half_way = || files(folder.path()).values().any(|bytes| bytes.len() > 1 << 20);
    until("the upload is half-way on the disk", half_way).await;
    victim.kill();
    assert!(half_way(), "the kill left the temporary file");
    let store = DiskStore::open(folder.path()).await.unwrap();
    assert_eq!(files(folder.path()), fresh, "opening the store removed it");
    assert_eq!(store.list("", None, 10).await.unwrap().objects, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn p03_whatever_the_moment_of_a_kill_objects_are_whole_and_what_was_acknowledged_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    let body =
        |upload: u128| vec![u8::try_from(upload % 251).unwrap(); 200_000 + usize::try_from(upload).unwrap()];
    for round in 0..4_u128 {
        let victim = Victim::start(folder.path(), "");
        let mut puts = Vec::new();
        for upload in round * 40..(round + 1) * 40 {
            puts.push((upload, victim.put(upload, body(upload).len()).await));
        }
        let sending = tokio::spawn(
            futures::stream::iter(puts)
                .map(move |(upload, put)| async move { (upload, put.send(&body(upload)).await.status) })
                .buffer_unordered(4)
                .collect::<Vec<_>>(),
        );
        let objects = || std::fs::read_dir(folder.path().join("objects")).unwrap().count();
        let enough = objects() + 5 + usize::try_from(round).unwrap() * 7;
        until("some objects are there", || objects() >= enough).await;
        victim.kill();
        let sent = sending.await.unwrap();
        acknowledged.extend(
            sent.into_iter()
                .filter(|(_, status)| *status == 200)
                .map(|(upload, _)| upload),
        );
    }
    assert!(acknowledged.len() >= 20, "{}", acknowledged.len());
    let store = DiskStore::open(folder.path()).await.unwrap();
    let there = store.list("", None, 1_000).await.unwrap().objects;
    for upload in acknowledged {
        assert!(
            there.iter().any(|facts| facts.key == key(1, upload).as_str()),
            "{upload} was acknowledged"
        );
    }
    for facts in there {
        let object = store.open_object(&facts.key).await.unwrap();
        let chunks: Vec<_> = object
            .into_stream(0..u64::MAX)
            .await
            .unwrap()
            .map(Result::unwrap)
            .collect()
            .await;
        assert_eq!(
            hex::encode(Md5::checksum(&chunks.concat())),
            facts.md5,
            "{} is whole",
            facts.key
        );
    }
    assert_eq!(
        std::fs::read_dir(folder.path().join("incoming")).unwrap().count(),
        0
    );
}

/// Sends zeros without holding them.
async fn send_zeros(put: &Request, length: usize) -> String {
    let put = put.clone().header("content-length", &length.to_string());
    let mut stream = put.start().await.unwrap();
    let zeros = vec![0; 1 << 20];
    let mut left = length;
    while left > 0 {
        let part = left.min(zeros.len());
        if stream.write_all(&zeros[..part]).await.is_err() {
            break;
        }
        left -= part;
    }
    let mut answer = Vec::new();
    let _reset = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_large_object_goes_through_without_being_held_in_memory() {
    const LENGTH: usize = 96 << 20;
    let folder = tempfile::tempdir().unwrap();
    let victim = Victim::start(folder.path(), "");
    assert!(
        send_zeros(&victim.put(1, 1 << 20).await, 1 << 20)
            .await
            .starts_with("HTTP/1.1 200")
    );
    let before = victim.peak_memory();
    assert!(
        send_zeros(&victim.put(2, LENGTH).await, LENGTH)
            .await
            .starts_with("HTTP/1.1 200")
    );
    let mut reader = victim.storage.get_stream(&key(1, 2)).await.unwrap();
    let read = tokio::io::copy(&mut reader, &mut tokio::io::sink())
        .await
        .unwrap();
    assert_eq!(read, u64::try_from(LENGTH).unwrap());
    let grown = victim.peak_memory() - before;
    assert!(
        grown < 16 << 10,
        "{grown} KiB for an object of {} KiB",
        LENGTH >> 10
    );
}

async fn refuses_when_full(folder: &Path, limit: &str, too_much: usize) {
    let victim = Victim::start(folder, limit);
    assert!(
        send_zeros(&victim.put(1, 100_000).await, 100_000)
            .await
            .starts_with("HTTP/1.1 200")
    );
    let answer = send_zeros(&victim.put(2, too_much).await, too_much).await;
    assert!(
        answer.starts_with("HTTP/1.1 507") || answer.is_empty(),
        "{answer}"
    );
    assert!(
        answer.is_empty() || answer.contains("InsufficientStorage"),
        "{answer}"
    );
    // Through the client as well, which sees the answer and does not hang up.
    let large = bytes::Bytes::from(vec![0; too_much]);
    let third = key(1, 3);
    let put = victim.storage.put(&third, large, WAV);
    let refused = tokio::time::timeout(Duration::from_secs(60), put).await.unwrap();
    assert!(
        matches!(refused, Err(backend::storage::Error::Unavailable(_))),
        "{refused:?}"
    );
    let account = backend::storage::Key::account_prefix(model::AccountId(uuid::Uuid::from_u128(1)));
    assert!(victim.storage.head(&key(1, 2)).await.unwrap().is_none());
    assert!(
        send_zeros(&victim.put(4, 100_000).await, 100_000)
            .await
            .starts_with("HTTP/1.1 200"),
        "it recovers"
    );
    assert_eq!(victim.storage.delete_prefix(&account).await.unwrap(), 2);
}

/// A limit on the size of files stands in for a full disk: no privilege is needed to set it.
#[tokio::test]
async fn a_write_beyond_the_quota_is_refused_clearly_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    drop(DiskStore::open(folder.path()).await.unwrap());
    let empty = files(folder.path());
    refuses_when_full(folder.path(), "trap '' XFSZ; ulimit -f 2048;", 3 << 20).await;
    assert_eq!(files(folder.path()), empty);
}

#[tokio::test]
#[ignore = "needs the right to mount: run as root"]
async fn a_full_disk_is_refused_clearly_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let mount = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"])
        .arg(folder.path())
        .status();
    assert!(mount.unwrap().success());
    refuses_when_full(folder.path(), "", 3 << 20).await;
    let left = files(folder.path());
    Command::new("umount").arg(folder.path()).status().unwrap();
    assert_eq!(left.len(), 3, "{:?}", left.keys());
}
