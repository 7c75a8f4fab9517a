//! The accept loop. `axum::serve` has no timer and no bound, so that whoever opens sockets and sends nothing holds the service
//! for as long as they like; here connections are counted, limited for each network, and ended when they bring nothing.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Extension, Router, extract::ConnectInfo};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::layers::limits::network;

/// How long a request's head may take, and how long a kept connection may wait for the next one.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);

/// How long nothing is accepted after the system refused a socket; without it, the loop would spin.
const AFTER_ERROR: Duration = Duration::from_millis(100);

/// How many connections there may be at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// In all.
    pub(crate) total: usize,
    /// From one network; none where a proxy of ours stands in front, which all come through.
    pub(crate) of_network: Option<usize>,
    /// How long a head may take.
    pub(crate) head_timeout: Duration,
}

impl Bounds {
    /// Those of a service with so many proxies of ours in front.
    pub(crate) const fn behind(trusted_hops: usize) -> Self {
        Self {
            total: 8_000,
            of_network: if trusted_hops == 0 { Some(100) } else { None },
            head_timeout: HEAD_TIMEOUT,
        }
    }
}

/// The connections that are open. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connections {
    total: Arc<AtomicUsize>,
    by_network: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// One of them; it is counted until it is dropped.
struct Counted {
    connections: Connections,
    network: IpAddr,
}

impl Connections {
    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.total.load(Ordering::Relaxed)
    }

    /// Counts one more, unless there are too many.
    fn admit(&self, network: IpAddr, bounds: Bounds) -> Option<Counted> {
        let mut by_network = self.by_network.lock().unwrap_or_else(PoisonError::into_inner);
        let of_network = by_network.get(&network).copied().unwrap_or_default();
        if self.count() >= bounds.total || bounds.of_network.is_some_and(|most| of_network >= most) {
            return None;
        }
        by_network.insert(network, of_network + 1);
        self.total.fetch_add(1, Ordering::Relaxed);
        Some(Counted {
            connections: self.clone(),
            network,
        })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let connections = &self.connections;
        connections.total.fetch_sub(1, Ordering::Relaxed);
        let mut by_network = connections
            .by_network
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = by_network.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                by_network.remove(&self.network);
            }
        }
    }
}

/// Answers HTTP/1 on `listener` until `stop`, then finishes what has begun.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    connections: Connections,
    bounds: Bounds,
    stop: CancellationToken,
) {
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                // One too many is closed at once: whoever it is can come again.
                if let Some(counted) = connections.admit(network(peer.ip()), bounds) {
                    answer(stream, peer, &router, counted, bounds, &graceful);
                }
            }
            Err(error) if is_the_clients(&error) => {}
            Err(error) => {
                tracing::error!(kind = ?error.kind(), "no connection can be accepted");
                tokio::time::sleep(AFTER_ERROR).await;
            }
        }
    }
    drop(listener);
    graceful.shutdown().await;
}

fn answer(
    stream: TcpStream,
    peer: SocketAddr,
    router: &Router,
    counted: Counted,
    bounds: Bounds,
    graceful: &GracefulShutdown,
) {
    // Small answers leave at once instead of waiting for an acknowledgement.
    let _ = stream.set_nodelay(true);
    let service = TowerToHyperService::new(router.clone().layer(Extension(ConnectInfo(peer))));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.head_timeout)
        .serve_connection(TokioIo::new(stream), service);
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        // An error is a browser that went away, or one that sent no HTTP.
        let _ = connection.await;
        drop(counted);
    });
}

/// Whether a connection was gone before it was accepted.
fn is_the_clients(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        sync::Notify,
    };

    use super::*;

    async fn listening(bounds: Bounds) -> (SocketAddr, Connections, CancellationToken) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (connections, stop) = (Connections::default(), CancellationToken::new());
        let router = Router::new().route("/", get(|| async { "here" }));
        tokio::spawn(serve(listener, router, connections.clone(), bounds, stop.clone()));
        (address, connections, stop)
    }

    async fn ask(stream: &mut TcpStream, request: &str) -> String {
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        // A connection that was refused may end with a reset.
        let _ = stream.read_to_string(&mut answer).await;
        answer
    }

    const GET: &str = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

    #[tokio::test]
    async fn a_connection_that_sends_nothing_or_half_a_head_is_ended() {
        let (address, connections, _stop) = listening(Bounds {
            head_timeout: Duration::from_millis(50),
            ..Bounds::behind(0)
        })
        .await;
        for begun in ["", "GET / HT", "GET / HTTP/1.1\r\nhost: x\r\n"] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            // It returns only because the server ends the connection.
            ask(&mut stream, begun).await;
        }
        let mut stream = TcpStream::connect(address).await.unwrap();
        assert!(ask(&mut stream, GET).await.ends_with("here"));
        while connections.count() > 0 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn one_network_holds_no_more_than_its_share_and_gets_it_back() {
        let (address, connections, _stop) = listening(Bounds {
            of_network: Some(2),
            ..Bounds::behind(0)
        })
        .await;
        let idle = [
            TcpStream::connect(address).await.unwrap(),
            TcpStream::connect(address).await.unwrap(),
        ];
        let mut third = TcpStream::connect(address).await.unwrap();
        assert_eq!(ask(&mut third, GET).await, "");
        drop(idle);
        while connections.count() > 0 {
            tokio::task::yield_now().await;
        }
        let mut stream = TcpStream::connect(address).await.unwrap();
        assert!(ask(&mut stream, GET).await.ends_with("here"));
    }

    /// A second write that waits for the acknowledgement of the first, which the other side delays, costs 40 ms each time.
    #[tokio::test]
    async fn an_answer_in_several_writes_waits_for_no_acknowledgement() {
        const ANSWERS: u32 = 40;
        let (address, ..) = {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let stop = CancellationToken::new();
            let in_parts = || async {
                let parts = futures::stream::unfold(0, |part| async move {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    (part < 3).then(|| (Ok::<_, io::Error>(vec![b'x'; 100]), part + 1))
                });
                axum::body::Body::from_stream(parts)
            };
            let router = Router::new().route("/", get(in_parts));
            tokio::spawn(serve(
                listener,
                router,
                Connections::default(),
                Bounds::behind(0),
                stop.clone(),
            ));
            (address, stop)
        };
        let mut stream = TcpStream::connect(address).await.unwrap();
        let begun = std::time::Instant::now();
        for _ in 0..ANSWERS {
            stream
                .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
                .await
                .unwrap();
            let mut answer = Vec::new();
            while !answer.ends_with(b"0\r\n\r\n") {
                let mut some = [0; 1024];
                let count = stream.read(&mut some).await.unwrap();
                assert!(count > 0, "the connection ended");
                answer.extend_from_slice(&some[..count]);
            }
        }
        let each = begun.elapsed() / ANSWERS;
        assert!(each < Duration::from_millis(30), "{each:?}");
    }

    #[tokio::test]
    async fn http_2_is_not_spoken() {
        let (address, ..) = listening(Bounds::behind(0)).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        let answer = ask(&mut stream, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        assert!(!answer.contains("here"), "{answer}");
    }

    #[tokio::test]
    async fn what_has_begun_is_answered_after_the_listener_is_closed() {
        let (begun, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let handler = {
            let (begun, release) = (begun.clone(), release.clone());
            async move || {
                begun.notify_one();
                release.notified().await;
                "here"
            }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let router = Router::new().route("/", get(handler));
        let serving = tokio::spawn(serve(
            listener,
            router,
            Connections::default(),
            Bounds::behind(0),
            stop.clone(),
        ));
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream
            .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        begun.notified().await;
        stop.cancel();
        release.notify_one();
        assert!(ask(&mut stream, "").await.ends_with("here"));
        serving.await.unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }
}
