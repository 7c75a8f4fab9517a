//! The client against servers of this machine, with names that lead where a test says.

use std::{
    collections::VecDeque,
    net::{IpAddr, Ipv4Addr},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::*;

/// Leads every name to the next of these, and to the last one from then on.
#[derive(Debug)]
struct Leads(Mutex<VecDeque<Vec<IpAddr>>>);

#[async_trait]
impl LookUp for Leads {
    async fn look_up(&self, _: &str) -> io::Result<Vec<SocketAddr>> {
        let mut left = self.0.lock().unwrap();
        let next = if left.len() > 1 {
            left.pop_front().unwrap()
        } else {
            left[0].clone()
        };
        Ok(next
            .into_iter()
            .map(|address| SocketAddr::new(address, 0))
            .collect())
    }
}

fn leading_to(reach: Reach, addresses: &[&[&str]]) -> Outbound {
    within(reach, addresses, REQUEST_TIMEOUT)
}

fn within(reach: Reach, addresses: &[&[&str]], timeout: Duration) -> Outbound {
    let parse = |addresses: &&[&str]| {
        let parsed = addresses.iter().map(|address| address.parse().unwrap());
        parsed.collect()
    };
    let leads = Leads(Mutex::new(addresses.iter().map(parse).collect()));
    Outbound::within(reach, Arc::new(leads), timeout).unwrap()
}

/// For what is to end by its time.
const SHORT: Duration = Duration::from_millis(500);

/// A server that answers each connection with these bytes, after reading the head of a request. Its port, and how many connected.
async fn server(answer: &'static [u8]) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connected = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connected);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(answer_with(stream, answer));
        }
    });
    (port, connected)
}

async fn answer_with(mut stream: TcpStream, answer: &'static [u8]) {
    let mut head = vec![0; 4096];
    let _ = stream.read(&mut head).await;
    let _ = stream.write_all(answer).await;
    // Held open: whoever reads to the end waits.
    tokio::time::sleep(Duration::from_secs(60)).await;
}

async fn post(outbound: &Outbound, url: &str) -> Result<OutboundResponse, OutboundError> {
    let url: EndpointUrl = url.parse().unwrap();
    outbound.post(&url, &[], b"{}".to_vec()).await
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[tokio::test]
async fn a_name_that_leads_into_our_network_is_not_connected_to() {
    let (port, connected) = server(OK).await;
    for address in [
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "0.0.0.0",
        "::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ] {
        let outbound = leading_to(Reach::Public, &[&[address]]);
        let refused = post(&outbound, &format!("https://example.org:{port}/")).await;
        assert_eq!(refused, Err(OutboundError::Blocked), "{address}");
    }
    assert_eq!(connected.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_at_the_next_connection_is_of_no_use() {
    let (port, connected) = server(OK).await;
    let outbound = leading_to(Reach::PrivateToo, &[&["127.0.0.1"], &["169.254.169.254"]]);
    let url = format!("http://example.org:{port}/");
    assert_eq!(post(&outbound, &url).await.unwrap().status, 200);
    // The connection is kept, so the name is not asked again; a fresh client has none.
    let fresh = leading_to(Reach::PrivateToo, &[&["169.254.169.254"]]);
    assert_eq!(post(&fresh, &url).await, Err(OutboundError::Blocked));
    let public = leading_to(Reach::Public, &[&["93.184.216.34", "127.0.0.1"], &["127.0.0.1"]]);
    // Of several addresses those within are left out; the second time there is no other.
    let _ = tokio::time::timeout(
        Duration::from_millis(200),
        post(&public, &format!("https://example.org:{port}/")),
    )
    .await;
    let rebound = post(&public, &format!("https://example.org:{port}/")).await;
    assert_eq!(rebound, Err(OutboundError::Blocked));
    assert_eq!(connected.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_host_that_is_an_address_is_looked_at_without_a_resolver() {
    let (port, connected) = server(OK).await;
    let public = leading_to(Reach::Public, &[&["8.8.8.8"]]);
    for host in ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "0"] {
        let refused = post(&public, &format!("https://{host}:{port}/")).await;
        assert_eq!(refused, Err(OutboundError::Blocked), "{host}");
    }
    let private = leading_to(Reach::PrivateToo, &[&["8.8.8.8"]]);
    let refused = post(&private, "http://169.254.169.254/latest/meta-data/").await;
    assert_eq!(refused, Err(OutboundError::Blocked), "not even then");
    assert_eq!(connected.load(Ordering::SeqCst), 0);
    let answered = post(&private, &format!("http://127.0.0.1:{port}/")).await;
    assert_eq!(answered.unwrap().body, b"ok");
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let (inside, connected) = server(OK).await;
    let leak = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:{inside}/\r\nContent-Length: 0\r\n\r\n"
    );
    let (port, _) = server(String::leak(leak).as_bytes()).await;
    let outbound = leading_to(Reach::PrivateToo, &[&["127.0.0.1"]]);
    let answered = post(&outbound, &format!("http://example.org:{port}/")).await;
    assert_eq!(answered.unwrap().status, 307);
    assert_eq!(connected.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn of_an_answer_without_an_end_the_first_kibibyte_is_read_and_of_a_packed_one_nothing_is_unpacked() {
    let long = [
        b"HTTP/1.1 500 Oops\r\nContent-Encoding: gzip\r\nContent-Length: 10000000000\r\nRetry-After: 7\r\n\r\n".to_vec(),
        vec![b'x'; 100_000],
    ]
    .concat();
    let (port, _) = server(Vec::leak(long)).await;
    let outbound = leading_to(Reach::PrivateToo, &[&["127.0.0.1"]]);
    let answered = post(&outbound, &format!("http://example.org:{port}/"))
        .await
        .unwrap();
    assert_eq!(
        (answered.status, answered.retry_after.as_deref()),
        (500, Some("7"))
    );
    assert_eq!(answered.body, vec![b'x'; MAX_RESPONSE]);
}

#[tokio::test]
async fn what_breaks_off_counts_by_its_status() {
    let (port, _) = server(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n").await;
    let outbound = within(Reach::PrivateToo, &[&["127.0.0.1"]], SHORT);
    // Held open for a minute: the limit of the request ends it.
    let answered = post(&outbound, &format!("http://example.org:{port}/"))
        .await
        .unwrap();
    assert_eq!((answered.status, answered.body.len()), (200, 0));
}

#[tokio::test]
async fn each_way_to_fail_has_its_name() {
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let outbound = leading_to(Reach::PrivateToo, &[&["127.0.0.1"]]);
    let url = format!("http://example.org:{port}/");
    assert_eq!(post(&outbound, &url).await, Err(OutboundError::Connection));

    let (port, _) = server(b"SSH-2.0-OpenSSH\r\n").await;
    let plain = post(&outbound, &format!("http://example.org:{port}/")).await;
    assert_eq!(plain, Err(OutboundError::Connection), "no HTTP");
    let encrypted = post(&outbound, &format!("https://example.org:{port}/")).await;
    assert_eq!(encrypted, Err(OutboundError::Tls), "no TLS");

    let nowhere = leading_to(Reach::PrivateToo, &[&[]]);
    assert_eq!(post(&nowhere, &url).await, Err(OutboundError::Dns));

    let (port, _) = server(b"").await;
    let outbound = within(Reach::PrivateToo, &[&["127.0.0.1"]], SHORT);
    let late = post(&outbound, &format!("http://example.org:{port}/")).await;
    assert_eq!(late, Err(OutboundError::Timeout));
}
