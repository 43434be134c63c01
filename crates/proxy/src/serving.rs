//! Gets the client its answer: from the serving side, or from the other one where that is a rescue.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use http::header::{HeaderValue, CONNECTION};
use http::{HeaderMap, Response, StatusCode};
use http_body::Body;
use hyper::body::Incoming;
use tokio::sync::oneshot;

use crate::answer::{is_endless, is_server_error, AnswerHead, Answered};
use crate::body::{ClientBody, HeldBack, Passing, Sent, UpstreamBody, Witness};
use crate::budget::Permit;
use crate::capture::Capture;
use crate::client_error;
use crate::conclude::{conclude, unanswered, Copied, Other};
use crate::copying::{ReqBody, Upload};
use crate::detach;
use crate::flow::Exchange;
use crate::headers::strip_hop_by_hop;
use crate::heard::Asked;
use crate::ledger::Outcome;
use crate::sides::{Side, Sides};
use crate::upstream_error::{Failure, UpstreamError};
use crate::verify;
use crate::worker::Worker;

/// An answer of the new side up to this length is read whole before it goes on, so that a break in its middle can still be
/// rescued; longer ones stream.
const HELD_BACK: u64 = 64 * 1024;

/// A side's answer whose body has not been read.
pub struct Begun {
    pub head: AnswerHead,
    pub body: UpstreamBody,
}

/// What a copy's side says, once it does.
pub type Leg = oneshot::Receiver<Result<Begun, UpstreamError>>;

/// Serves without a copy; `outcome` says why there is none.
pub async fn alone(mut exchange: Exchange, outcome: Outcome, incoming: Incoming) -> Response<ClientBody> {
    exchange.ticket.expect(outcome);
    let bodyless = incoming.is_end_stream();
    let body = if bodyless {
        ReqBody::Empty
    } else {
        Upload::single(incoming, upload_patience(&exchange))
    };
    let serving = exchange.serving;
    let rescues = exchange.may_go_over(serving);
    let repeatable = bodyless && exchange.head.is_safe();
    let error = match send(&exchange, serving, body, rescues && repeatable).await {
        Ok(begun) if is_server_error(begun.head.status) && rescues && repeatable => {
            return match send(&exchange, serving.other(), ReqBody::Empty, false).await {
                Ok(other) if !is_server_error(other.head.status) => {
                    exchange.count_alone();
                    exchange.ticket.rescued();
                    exchange.ticket.close(outcome);
                    pass(&exchange.worker, other, HeldBack::default())
                }
                _ => {
                    exchange.count_alone();
                    exchange.ticket.close(outcome);
                    pass(&exchange.worker, begun, HeldBack::default())
                }
            };
        }
        Ok(mut begun) => match hold(&exchange, &mut begun, rescues && repeatable).await {
            Ok(held) => {
                exchange.count_alone();
                if is_endless(&begun.head.headers) {
                    exchange.heard.over(); // that it has begun is all that it can show
                } else {
                    begun.body.tell(&exchange.heard);
                }
                exchange.note_missed_write();
                exchange.ticket.close(outcome);
                return pass(&exchange.worker, begun, held);
            }
            Err(failure) => {
                exchange.heard.broke(serving);
                UpstreamError::maybe_arrived(failure)
            }
        },
        Err(error) => error,
    };
    if error.clients_fault {
        exchange.ticket.close(Outcome::ClientGone);
        return client_error::no_answer(serving, &error);
    }
    // What never left may go to the other side; what may have arrived goes there only if asking twice changes nothing.
    let failure = error.failure;
    let outcome = if error.given_up {
        Outcome::BreakerOpen
    } else {
        failed(serving)
    };
    let again = error
        .unsent
        .or(repeatable.then_some(ReqBody::Empty))
        .filter(|_| rescues);
    let Some(body) = again else {
        exchange.count_alone();
        exchange.ticket.close(outcome);
        return client_error::failed(serving, failure);
    };
    let other = send(&exchange, serving.other(), body, false).await;
    exchange.count_alone(); // now that the other side has said whether it can answer
    match other {
        Ok(other) => {
            exchange.ticket.rescued();
            exchange.note_missed_write();
            exchange.ticket.close(outcome);
            pass(&exchange.worker, other, HeldBack::default())
        }
        Err(error) => {
            exchange.ticket.close(if error.clients_fault {
                Outcome::ClientGone
            } else {
                Outcome::BothFailed
            });
            client_error::no_answer(serving.other(), &error)
        }
    }
}

/// Serves and sends a copy to the other side at the same moment.
pub async fn with_copy(exchange: Exchange, permit: Permit, incoming: Incoming) -> Response<ClientBody> {
    let serving = exchange.serving;
    let rescues = exchange.may_go_over(serving);
    let (lead, follow, upload) = if incoming.is_end_stream() {
        (ReqBody::Empty, ReqBody::Empty, None)
    } else {
        let memory = exchange.worker.state.memory.share();
        let (lead, follow, upload) = Upload::tee(
            incoming,
            upload_patience(&exchange),
            exchange.snapshot.limits.body_bytes,
            memory,
            rescues,
        );
        (lead, follow, Some(upload))
    };
    let permit = Rc::new(permit);
    let copied = Copied {
        upload,
        permit: Rc::clone(&permit),
    };
    if exchange.lead() != serving {
        return Box::pin(verify::serve(exchange, copied, lead, follow)).await;
    }
    let leg = start(&exchange, serving.other(), true, follow, permit);
    match send(&exchange, serving, lead, rescues).await {
        Ok(begun) if rescues => rescuable(exchange, copied, leg, begun).await,
        Ok(begun) => pass_and_conclude(exchange, copied, serving, begun, HeldBack::default(), Other::Leg(leg)),
        Err(error) if rescues && !error.clients_fault => {
            let failure = error.failure;
            // Drops the client's body, if that never left: the copy reads it on, once nobody else does.
            let mine = unanswered(error, copied.upload.as_deref());
            rescue(exchange, copied, leg, mine, failure).await
        }
        Err(error) => {
            let response = client_error::no_answer(serving, &error);
            let mine = unanswered(error, None);
            conclude_without_client(exchange, copied, mine, Other::Leg(leg));
            response
        }
    }
}

/// The serving side has begun to answer, and the other side's answer could still replace it.
async fn rescuable(exchange: Exchange, copied: Copied, leg: Leg, mut begun: Begun) -> Response<ClientBody> {
    let serving = exchange.serving;
    if is_server_error(begun.head.status) {
        return match leg.await {
            Ok(Ok(other)) if !is_server_error(other.head.status) => {
                exchange.ticket.rescued();
                pass_and_conclude(
                    exchange,
                    copied,
                    serving.other(),
                    other,
                    HeldBack::default(),
                    Other::Known(Box::new(Ok(begun))),
                )
            }
            Ok(other) => pass_and_conclude(
                exchange,
                copied,
                serving,
                begun,
                HeldBack::default(),
                Other::Known(Box::new(other)),
            ),
            Err(_) => pass_and_conclude(exchange, copied, serving, begun, HeldBack::default(), Other::Cancelled),
        };
    }
    match hold(&exchange, &mut begun, true).await {
        Ok(held) => pass_and_conclude(exchange, copied, serving, begun, held, Other::Leg(leg)),
        Err(failure) => {
            exchange.heard.broke(serving);
            let failed = Answered::Failed {
                failure,
                head: Some(begun.head),
            };
            rescue(exchange, copied, leg, failed, failure).await
        }
    }
}

/// Reads a short answer to its end before anything of it goes on, if `rescuable`: a break in it can then still be rescued, and
/// a side that drips it is as good as broken. Longer answers stream.
async fn hold(exchange: &Exchange, begun: &mut Begun, rescuable: bool) -> Result<HeldBack, Failure> {
    let body = &mut begun.body;
    let short = body.exact_length().is_some_and(|length| length <= HELD_BACK);
    if !rescuable || !short || is_endless(&begun.head.headers) {
        return Ok(HeldBack::default());
    }
    body.hold(exchange.snapshot.targets[exchange.serving].timeout).await
}

/// The serving side failed: the other side's answer is already on its way.
async fn rescue(
    exchange: Exchange,
    copied: Copied,
    leg: Leg,
    mine: Answered,
    failure: Failure,
) -> Response<ClientBody> {
    let other = exchange.serving.other();
    match leg.await {
        Ok(Ok(begun)) => {
            exchange.ticket.rescued();
            pass_and_conclude(
                exchange,
                copied,
                other,
                begun,
                HeldBack::default(),
                Other::Answered(Box::new(mine)),
            )
        }
        Ok(Err(theirs)) => {
            let response = client_error::failed(exchange.serving, failure);
            conclude_without_client(exchange, copied, mine, Other::Known(Box::new(Err(theirs))));
            response
        }
        Err(_) => {
            let response = client_error::failed(exchange.serving, failure);
            conclude_without_client(exchange, copied, mine, Other::Cancelled);
            response
        }
    }
}

fn upload_patience(exchange: &Exchange) -> Duration {
    Duration::from_millis(exchange.worker.listener.idle_timeout_ms)
}

pub fn failed(side: Side) -> Outcome {
    match side {
        Side::Old => Outcome::OldFailed,
        Side::New => Outcome::NewFailed,
    }
}

/// Sends the request to one side and notes what comes of it; `replaceable` if another answer can stand in for this one.
async fn send(exchange: &Exchange, side: Side, body: ReqBody, replaceable: bool) -> Result<Begun, UpstreamError> {
    let pool = exchange.worker.pool(&exchange.snapshot, side);
    let asked = Asked {
        head: &exchange.head,
        copy: false,
        body,
        replaceable,
    };
    exchange.heard.ask(&pool, asked).await
}

pub fn begin(response: Response<UpstreamBody>, sent: Sent) -> Begun {
    let (mut parts, body) = response.into_parts();
    detach::fields(&mut parts.headers); // kept until the other side's answer is in
    let head = AnswerHead {
        status: parts.status,
        headers: parts.headers,
        took: sent.took(),
    };
    Begun { head, body }
}

/// Sends the request to `side` from a task of its own, which the client's leaving does not end.
pub fn start(exchange: &Exchange, side: Side, copy: bool, body: ReqBody, permit: Rc<Permit>) -> Leg {
    let (told, leg) = oneshot::channel();
    let pool = exchange.worker.pool(&exchange.snapshot, side);
    let head = Rc::clone(&exchange.head);
    let heard = Rc::clone(&exchange.heard);
    tokio::task::spawn_local(async move {
        let asked = Asked {
            head: &head,
            copy,
            body,
            replaceable: copy && head.is_safe(),
        };
        let answered = heard.ask(&pool, asked).await;
        drop(permit); // whoever waits for the answer holds it too
        let _ = told.send(answered); // nobody waits for it once the client has left or the answer is an endless one
    });
    leg
}

/// Hands the answer to the client and, once it has passed, compares it with the other side's.
pub fn pass_and_conclude(
    exchange: Exchange,
    copied: Copied,
    from: Side,
    begun: Begun,
    held: HeldBack,
    other: Other,
) -> Response<ClientBody> {
    let worker = Rc::clone(&exchange.worker);
    if let Some(upload) = copied.upload.as_ref().filter(|_| from == exchange.lead()) {
        upload.lead_serves();
    }
    if is_endless(&begun.head.headers) {
        tokio::task::spawn_local(close_endless(exchange, copied, from, other));
        return pass(&worker, begun, held);
    }
    let (told, passed) = oneshot::channel();
    let cap = exchange.snapshot.limits.body_bytes;
    let capture = Capture::new(cap, worker.state.memory.share(), &begun.head.headers);
    let Begun { head, body } = begun;
    let (status, headers) = (head.status, head.headers.clone());
    let witness = Witness { head, capture, told };
    let response = to_client(&worker, status, headers, Passing::new(held, body, Some(witness)));
    tokio::task::spawn_local(conclude(exchange, copied, from, passed, other));
    response
}

/// An endless answer is not compared. But what came of the other side's counts, and whether the new one has failed.
async fn close_endless(exchange: Exchange, copied: Copied, from: Side, other: Other) {
    let goes_on = Cell::new(false);
    let theirs = other.answered(&exchange, copied.upload.as_deref(), &goes_on).await;
    let mine = Answered::Left(Outcome::Streaming);
    exchange.heard.pair(&Sides::from_roles(from, mine, theirs));
    exchange.note_missed_write();
    exchange.ticket.close(Outcome::Streaming);
}

pub fn conclude_without_client(exchange: Exchange, copied: Copied, mine: Answered, other: Other) {
    let (told, passed) = oneshot::channel();
    let _ = told.send(mine); // the receiver is right here
    let from = exchange.serving;
    tokio::task::spawn_local(conclude(exchange, copied, from, passed, other));
}

/// An answer that is not compared, as the client gets it.
fn pass(worker: &Worker, begun: Begun, held: HeldBack) -> Response<ClientBody> {
    let Begun { head, body } = begun;
    to_client(worker, head.status, head.headers, Passing::new(held, body, None))
}

/// The answer as the client gets it.
pub fn to_client(worker: &Worker, status: StatusCode, mut headers: HeaderMap, body: Passing) -> Response<ClientBody> {
    strip_hop_by_hop(&mut headers);
    if worker.state.is_draining() {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    let mut response = Response::new(ClientBody::Answer(Box::new(body)));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
