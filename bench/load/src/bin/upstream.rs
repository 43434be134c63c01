//! An HTTP/1.1 origin that costs as little as it can: fixed bodies by path, one thread, keep-alive.
//!
//! `upstream --version 1 [--listen 127.0.0.1:0] [--delay-ms 0]` prints `{"address": "127.0.0.1:PORT"}` once it listens.
//! `GET /_counters` tells what it has seen; see [`Counters`].

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::{header, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use parallelrun_bench::args::Args;
use parallelrun_bench::bodies::Wanted;
use parallelrun_bench::counters::Counters;
use tokio::net::TcpListener;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("upstream: {message}");
            ExitCode::from(64)
        }
    }
}

fn run() -> Result<(), String> {
    let args = Args::from_env(&["listen", "version", "delay-ms"])?;
    let listen: SocketAddr = args.get("listen", SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let origin = Rc::new(Origin {
        version: args.need("version")?,
        delay: Duration::from_millis(args.get("delay-ms", 0)?),
        bodies: RefCell::default(),
        counters: Counters::default(),
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| e.to_string())?;
    tokio::task::LocalSet::new()
        .block_on(&runtime, serve(listen, origin))
        .map_err(|e| e.to_string())
}

async fn serve(listen: SocketAddr, origin: Rc<Origin>) -> std::io::Result<()> {
    let listener = TcpListener::bind(listen).await?;
    println!("{}", serde_json::json!({"address": listener.local_addr()?.to_string()}));
    std::io::stdout().flush()?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let origin = Rc::clone(&origin);
        tokio::task::spawn_local(async move {
            let counted = Cell::new(false);
            let service = service_fn(|request| origin.answer(request, &counted));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(None)
                .serve_connection(TokioIo::new(stream), service);
            // A peer that goes away is the load's or the proxy's business, and they report it.
            let _ = connection.await;
        });
    }
}

struct Origin {
    version: u8,
    delay: Duration,
    bodies: RefCell<HashMap<Wanted, Bytes>>,
    counters: Counters,
}

impl Origin {
    async fn answer(
        &self,
        request: Request<Incoming>,
        counted: &Cell<bool>,
    ) -> Result<Response<Full<Bytes>>, hyper::Error> {
        if request.uri().path() == "/_counters" {
            return Ok(json(
                serde_json::to_vec(&self.counters.counts()).unwrap_or_default().into(),
            ));
        }
        if !counted.replace(true) {
            self.counters.connection();
        }
        let wanted = Wanted::from_path(request.uri().path());
        let body = request.into_body().collect().await?.to_bytes();
        self.counters.request(&body);
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
        let Some(wanted) = wanted else {
            let mut response = Response::new(Full::default());
            *response.status_mut() = StatusCode::NOT_FOUND;
            return Ok(response);
        };
        let mut bodies = self.bodies.borrow_mut();
        let body = bodies.entry(wanted).or_insert_with(|| wanted.body(self.version).into());
        Ok(json(body.clone()))
    }
}

fn json(body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
