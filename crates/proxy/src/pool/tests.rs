use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;
use http_body_util::Full;
use hyper::service::service_fn;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::{spawn_local, yield_now, LocalSet};

use super::*;
use crate::http2::tests::{leaving, Leaving};
use crate::snapshot::Snapshot;
use crate::worker::LocalExecutor;

/// A pool of connections to a side that speaks HTTP/2 at this port of loopback.
fn pool(port: u16) -> Rc<Pool> {
    let side = json!({"url": format!("http://127.0.0.1:{port}"), "timeout_ms": 20_000, "connect_timeout_ms": 20_000,
        "protocol": "http2", "ca": null, "set_headers": {}, "remove_headers": []});
    let spec = json!({"generation": 1, "old": side, "new": side, "databases": "shared", "rescue": "new",
        "sample_ppm": 0, "sticky": {"by": "address"}, "assignment_key": "", "compare": {}, "templates": [], "routes": [],
        "limits": {"body_bytes": 1, "memory_bytes": 1, "shadows": 1, "shadow_ms": 20_000, "idle_ms": 20_000,
            "second_opinions_per_s": 0, "sampled_per_s": 0, "endpoints": 1, "pair_body_bytes": 0},
        "redact": {"headers": [], "json": []},
        "breaker": {"failures": 1, "share": 1.0, "volume": 1, "window_ms": 1, "stall_ms": 1, "open_ms": 1,
            "longest_open_ms": 1, "slow_start_ms": 1, "probes_per_s": 1},
        "verify": {"everywhere": false, "wait_ms": 1}});
    let snapshot = Snapshot::compile(serde_json::from_value(spec).unwrap(), None).unwrap();
    let target = Arc::clone(&snapshot.targets.old);
    Pool::new(target, State::new(snapshot, 1, tokio::runtime::Handle::current()))
}

/// Answers every request on every connection.
async fn answer_all(listener: TcpListener) {
    let answer = |_| async { Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"yes")))) };
    while let Ok((stream, _)) = listener.accept().await {
        let server = hyper::server::conn::http2::Builder::new(LocalExecutor);
        spawn_local(server.serve_connection(TokioIo::new(stream), service_fn(answer)));
    }
}

/// Sends a request, and has each kept connection leave just as the request is to go out on it. The answer's status, and how
/// many did.
async fn asked(method: Method, pool: &Rc<Pool>, mut kept: Vec<Leaving>) -> (StatusCode, usize) {
    let (parts, ()) = Request::builder()
        .method(method)
        .uri("/")
        .body(())
        .unwrap()
        .into_parts();
    let host = HeaderValue::from_static("shop.example");
    let head = Head::from_client(parts, host, IpAddr::V4(Ipv4Addr::LOCALHOST), false);
    let asking = spawn_local({
        let pool = Rc::clone(pool);
        async move {
            let answer = pool.send(&head, false, ReqBody::Empty).await;
            answer.unwrap().status()
        }
    });
    let mut left = 0;
    while !asking.is_finished() {
        if let Some(at) = kept.iter().position(Leaving::is_taken) {
            kept.swap_remove(at).leave();
            left += 1;
        }
        yield_now().await;
    }
    (asking.await.unwrap(), left)
}

/// Where a side tells connection after connection to go away (GOAWAY), each is found closed just as it is used. A request
/// tries two of them and then has its own opened, however many there are: nothing was sent, so a write may do so, too.
#[tokio::test]
async fn a_request_does_not_try_all_connections_that_leave() {
    let storm = async {
        for method in [Method::GET, Method::POST] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let pool = pool(listener.local_addr().unwrap().port());
            spawn_local(answer_all(listener));
            let mut kept = Vec::new();
            for _ in 0..20 {
                let one = leaving().await;
                pool.served.add(one.connection());
                kept.push(one);
            }
            let (status, left) = asked(method, &pool, kept).await;
            assert_eq!((status, left), (StatusCode::OK, MOST_UNSENT as usize));
            let counts = pool.counts();
            assert_eq!(counts.connects.load(Relaxed), 1);
            assert_eq!(counts.requests.load(Relaxed), 1);
        }
    };
    LocalSet::new().run_until(storm).await;
}
