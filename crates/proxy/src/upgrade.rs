//! WebSocket and other upgrades: passed whole to the serving side, never copied.

use std::rc::Rc;

use http::header::{HeaderValue, CONNECTION, UPGRADE};
use http::{Request, Response, StatusCode, Version};
use hyper::body::{Body, Incoming};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;

use crate::body::{ClientBody, HeldBack, Passing, UpstreamBody};
use crate::client_error;
use crate::flow::Exchange;
use crate::headers::{lists, strip_hop_by_hop};
use crate::ledger::Outcome;
use crate::listener::Place;
use crate::serving::{self, failed};
use crate::sides::Side;
use crate::upstream_error::UpstreamError;

/// The client's wish to speak another protocol.
pub struct Wanted {
    protocol: HeaderValue,
    client: OnUpgrade,
}

/// The upgrade that a request asks for, if it is one that we pass on. `h2c` is not: the HTTP/2 inside would reach the
/// upstream behind our back. Nor is one with a body, which would have to come whole before the protocol changes: it goes as
/// an ordinary request, as a server may always ignore the wish (RFC 9110, section 7.8).
pub fn wanted(request: &mut Request<Incoming>) -> Option<Wanted> {
    let protocol = request.headers().get(UPGRADE)?.clone();
    if request.version() != Version::HTTP_11 || !request.body().is_end_stream() {
        return None;
    }
    if !lists(request.headers(), CONNECTION, "upgrade") || lists(request.headers(), UPGRADE, "h2c") {
        return None;
    }
    Some(Wanted {
        protocol,
        client: hyper::upgrade::on(request),
    })
}

/// Asks the serving side; joins the two connections if it agrees. They keep the client's `place` until they end: a drain
/// waits for them.
pub async fn pass(mut exchange: Exchange, wanted: Wanted, place: Rc<Place>) -> Response<ClientBody> {
    exchange.ticket.expect(Outcome::Upgrade);
    let serving = exchange.serving;
    let (side, asked) = match ask(&exchange, serving, &wanted).await {
        // A request that never left may go to the other side.
        Err(error) if error.unsent.is_some() && exchange.may_go_over(serving) => {
            (serving.other(), ask(&exchange, serving.other(), &wanted).await)
        }
        asked => (serving, asked),
    };
    let mut response = match asked {
        Ok(response) => response,
        Err(error) => {
            exchange.ticket.close(if side == serving {
                failed(serving)
            } else {
                Outcome::BothFailed
            });
            return client_error::no_answer(side, &error);
        }
    };
    if side == serving {
        exchange.ticket.close(Outcome::Upgrade);
    } else {
        exchange.ticket.rescued();
        exchange.ticket.close(failed(serving));
    }
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let worker = &exchange.worker;
        let (parts, body) = response.into_parts();
        let body = UpstreamBody::new(body, None, &worker.state, side);
        let body = Passing::new(HeldBack::default(), body, None);
        return serving::to_client(worker, parts.status, parts.headers, body);
    }
    let upstream = hyper::upgrade::on(&mut response);
    tokio::task::spawn_local(async move {
        join(wanted.client, upstream).await;
        drop(place);
    });
    let protocol = response.headers().get(UPGRADE).cloned().unwrap_or(wanted.protocol);
    let (mut parts, _) = response.into_parts();
    strip_hop_by_hop(&mut parts.headers);
    parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    parts.headers.insert(UPGRADE, protocol);
    Response::from_parts(parts, ClientBody::Text(None))
}

async fn ask(exchange: &Exchange, side: Side, wanted: &Wanted) -> Result<Response<Incoming>, UpstreamError> {
    let pool = exchange.worker.pool(&exchange.snapshot, side);
    exchange
        .heard
        .ask_to_upgrade(&pool, &exchange.head, &wanted.protocol)
        .await
}

/// Carries bytes both ways until both ends are done.
async fn join(client: OnUpgrade, upstream: OnUpgrade) {
    if let (Ok(client), Ok(upstream)) = tokio::join!(client, upstream) {
        let (mut client, mut upstream) = (TokioIo::new(client), TokioIo::new(upstream));
        // An error here is either end hanging up, which ends the other one's connection too.
        let _ = tokio::io::copy_bidirectional(&mut client, &mut upstream).await;
    }
}
