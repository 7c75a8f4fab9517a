//! What is there after every write, crash and damage.

use std::path::Path;

use super::*;

async fn put(
    store: &DiskStore,
    key: &str,
    body: &'static [u8],
    if_exists: IfExists,
) -> Result<ObjectMetadata, StoreError> {
    let size = u64::try_from(body.len()).unwrap();
    let content_type = "audio/wav".to_owned();
    let object = NewObject {
        key: key.to_owned(),
        content_type,
        size,
        if_exists,
        ..Default::default()
    };
    store
        .put(
            object,
            futures::stream::iter([Ok::<_, io::Error>(Bytes::from_static(body))]),
        )
        .await
}

async fn bytes(store: &DiskStore, key: &str) -> Vec<u8> {
    let chunks = store
        .open_object(key)
        .await
        .unwrap()
        .into_stream(0..u64::MAX)
        .await
        .unwrap();
    chunks
        .map(|chunk| chunk.unwrap().to_vec())
        .collect::<Vec<_>>()
        .await
        .concat()
}

fn names(folder: &Path) -> Vec<String> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[tokio::test]
async fn a_damaged_object_hides_none_of_the_others_and_can_be_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let store = DiskStore::open(folder.path()).await.unwrap();
    for key in ["a", "b", "c"] {
        put(&store, key, b"body", IfExists::Keep).await.unwrap();
    }
    let path = store.folders.path("b").unwrap();
    let listed = async || {
        let page = store.list("", None, 10).await.unwrap();
        page.objects
            .into_iter()
            .map(|object| object.key)
            .collect::<Vec<_>>()
    };
    for damage in ["", "short", &"x".repeat(1000)] {
        fs::write(&path, damage).unwrap();
        assert_eq!(listed().await, ["a", "b", "c"], "{} bytes", damage.len());
    }
    fs::write(folder.path().join("objects/h-00"), "x").unwrap();
    assert_eq!(listed().await, ["a", "b", "c"]);
    assert!(store.delete("b").await.unwrap());
    assert_eq!(listed().await, ["a", "c"]);
}

#[tokio::test]
async fn any_text_is_a_key_and_none_is_a_path() {
    let folder = tempfile::tempdir().unwrap();
    let store = DiskStore::open(folder.path().join("store")).await.unwrap();
    let long = "ж/".repeat(341);
    let mut keys = [
        "../../escape",
        "/etc/passwd",
        "a\0b",
        ".",
        "..",
        "a//b",
        "con",
        "k-00",
        "a\nb",
        "%2e%2e",
        &long,
    ];
    for key in keys {
        put(&store, key, b"body", IfExists::Keep).await.unwrap();
        assert_eq!(bytes(&store, key).await, b"body", "{key:?}");
    }
    assert_eq!(names(folder.path()), ["store"]);
    keys.sort_unstable();
    let page = store.list("", None, 100).await.unwrap();
    let listed: Vec<_> = page.objects.iter().map(|facts| facts.key.as_str()).collect();
    assert_eq!(listed, keys);
    for key in keys {
        assert!(store.delete(key).await.unwrap());
        assert!(!store.delete(key).await.unwrap());
    }
    assert_eq!(names(&folder.path().join("store/objects")), Vec::<String>::new());
}

#[tokio::test]
async fn a_key_is_not_empty_and_not_longer_than_s3_allows() {
    let folder = tempfile::tempdir().unwrap();
    let store = DiskStore::open(folder.path()).await.unwrap();
    assert!(matches!(
        put(&store, "", b"x", IfExists::Replace).await,
        Err(StoreError::Key)
    ));
    assert!(matches!(
        put(&store, &"x".repeat(1_025), b"x", IfExists::Replace).await,
        Err(StoreError::Key)
    ));
    put(&store, &"x".repeat(1_024), b"x", IfExists::Replace)
        .await
        .unwrap();
    put(&store, &"x".repeat(120), b"x", IfExists::Replace)
        .await
        .unwrap();
    put(&store, &"x".repeat(121), b"x", IfExists::Replace)
        .await
        .unwrap();
    assert_eq!(store.list("x", None, 2).await.unwrap().objects.len(), 2);
    let after = store.list("x", Some(&"x".repeat(121)), 9).await.unwrap();
    assert_eq!((after.objects.len(), after.truncated), (1, false));
}

#[tokio::test]
async fn an_object_is_kept_or_replaced_as_told() {
    let folder = tempfile::tempdir().unwrap();
    let store = DiskStore::open(folder.path()).await.unwrap();
    put(&store, "a", b"first", IfExists::Keep).await.unwrap();
    let open = store.open_object("a").await.unwrap();
    assert!(matches!(
        put(&store, "a", b"second", IfExists::Keep).await,
        Err(StoreError::Exists)
    ));
    assert_eq!(bytes(&store, "a").await, b"first");
    put(&store, "a", b"second", IfExists::Replace).await.unwrap();
    assert_eq!(bytes(&store, "a").await, b"second");
    let chunks: Vec<_> = open
        .into_stream(0..9)
        .await
        .unwrap()
        .map(Result::unwrap)
        .collect()
        .await;
    assert_eq!(
        chunks.concat(),
        b"first",
        "whoever was reading goes on reading the same object"
    );
}

#[tokio::test]
async fn what_a_crash_left_is_removed_unless_another_process_may_be_writing_it() {
    let folder = tempfile::tempdir().unwrap();
    let running = DiskStore::open(folder.path()).await.unwrap();
    let left = folder.path().join("incoming/.tmpAbc123");
    fs::write(&left, b"half").unwrap();
    let second = DiskStore::open(folder.path()).await.unwrap();
    assert!(left.exists());
    drop((running, second));
    let store = DiskStore::open(folder.path()).await.unwrap();
    assert!(!left.exists());
    assert_eq!(store.list("", None, 9).await.unwrap().objects, []);
}

#[tokio::test]
async fn a_damaged_file_is_no_object() {
    let folder = tempfile::tempdir().unwrap();
    let store = DiskStore::open(folder.path()).await.unwrap();
    put(&store, "a", b"body", IfExists::Keep).await.unwrap();
    let path = store.folders.path("a").unwrap();
    let whole = fs::read(&path).unwrap();
    for cut in 0..whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        assert!(
            matches!(store.facts("a").await, Err(StoreError::Damaged)),
            "cut to {cut}"
        );
    }
    fs::write(&path, [b"x", whole.as_slice()].concat()).unwrap();
    assert!(
        matches!(store.facts("a").await, Err(StoreError::Damaged)),
        "longer than it says"
    );
    fs::write(store.folders.path("b").unwrap(), &whole).unwrap();
    assert!(
        matches!(store.facts("b").await, Err(StoreError::Damaged)),
        "under another key's name"
    );
}

#[tokio::test]
async fn a_body_that_stands_still_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let store = DiskStore::open(folder.path()).await.unwrap();
    let object = NewObject {
        key: "a".to_owned(),
        size: 9,
        ..Default::default()
    };
    let stalled = futures::stream::pending::<io::Result<Bytes>>();
    assert!(matches!(
        store
            .write(
                object,
                store.folders.path("a").unwrap(),
                stalled,
                Duration::from_millis(5)
            )
            .await,
        Err(StoreError::Stalled)
    ));
    assert_eq!(names(&folder.path().join("incoming")), Vec::<String>::new());
}

#[tokio::test]
async fn a_body_that_drips_is_given_up_though_it_never_stands_still() {
    let folder = tempfile::tempdir().unwrap();
    let store = DiskStore::open(folder.path()).await.unwrap();
    let object = NewObject {
        key: "a".to_owned(),
        size: 1_000,
        ..Default::default()
    };
    let dripping = futures::stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_millis(5)).await;
        Some((Ok::<_, io::Error>(Bytes::from_static(b"x")), ()))
    });
    let given_up = store
        .write(
            object,
            store.folders.path("a").unwrap(),
            dripping,
            Duration::from_millis(100),
        )
        .await;
    assert!(matches!(given_up, Err(StoreError::Stalled)));
    assert_eq!(names(&folder.path().join("incoming")), Vec::<String>::new());
}

#[tokio::test]
async fn of_two_bodies_for_one_key_the_second_is_refused_while_the_first_is_on_its_way() {
    let folder = tempfile::tempdir().unwrap();
    let store = DiskStore::open(folder.path()).await.unwrap();
    let object = NewObject {
        key: "a".to_owned(),
        size: 4,
        ..Default::default()
    };
    let waiting = futures::stream::pending::<io::Result<Bytes>>();
    let mut first = std::pin::pin!(store.put(object, waiting));
    let second = loop {
        tokio::select! {
            biased;
            _ = &mut first => unreachable!("its body never comes"),
            second = put(&store, "a", b"body", IfExists::Keep) => match second {
                // The first had not begun.
                Ok(_) => assert!(store.delete("a").await.unwrap()),
                Err(error) => break error,
            }
        }
    };
    assert!(matches!(second, StoreError::Busy), "{second}");
    assert_eq!(names(&folder.path().join("incoming")).len(), 1);
}

#[test]
fn a_full_disk_and_a_used_up_quota_are_told_from_a_broken_disk() {
    for kind in [
        io::ErrorKind::StorageFull,
        io::ErrorKind::QuotaExceeded,
        io::ErrorKind::FileTooLarge,
    ] {
        assert!(matches!(
            StoreError::from(io::Error::from(kind)),
            StoreError::Full(_)
        ));
    }
    assert!(matches!(
        StoreError::from(io::Error::other("i/o")),
        StoreError::Io(_)
    ));
}
