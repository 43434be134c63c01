//! One request: match it, choose the serving side, decide on the copy, and send it on its way.

use std::future::Future;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, Version};
use http_body::Body;
use hyper::body::Incoming;

use crate::assign::{serving_side, WHOLE};
use crate::body::ClientBody;
use crate::budget::Permit;
use crate::client_error;
use crate::headers::Head;
use crate::heard::Heard;
use crate::ledger::{Outcome, Ticket};
use crate::listener::Place;
use crate::routes::Route;
use crate::serving;
use crate::settings::{Databases, Writes};
use crate::shadow_mark;
use crate::sides::Side;
use crate::snapshot::Snapshot;
use crate::state::State;
use crate::upgrade;
use crate::validate::{self, HeadLimits};
use crate::worker::Worker;

/// Who asks.
#[derive(Clone)]
pub struct Client {
    pub address: IpAddr,
    pub tls: bool,
    /// Held by an upgraded connection beyond the life of the request.
    pub place: Rc<Place>,
}

/// A request under way, with all that was decided about it at its start.
pub struct Exchange {
    pub worker: Rc<Worker>,
    pub snapshot: Arc<Snapshot>,
    pub route: Arc<Route>,
    pub head: Rc<Head>,
    pub ticket: Ticket,
    /// The side that was chosen to serve; a rescue does not change it.
    pub serving: Side,
    /// A write that both sides are meant to take.
    pub both_write: bool,
    pub heard: Rc<Heard>,
    pub _panicking: PanicCount,
}

impl Exchange {
    /// Counts a write that one side took and the other did not, whatever the reason: from then on the two disagree.
    /// To be called when neither has anything more to say.
    pub fn note_missed_write(&self) {
        let heard = &self.heard;
        let missed = Side::BOTH
            .into_iter()
            .find(|side| !heard.took_it(*side) && heard.took_it(side.other()));
        if let Some(side) = missed.filter(|_| self.both_write) {
            self.ticket.endpoint().sides[side].missed_writes.fetch_add(1, Relaxed);
        }
    }

    /// The side that gets the client's body as it comes; the other one gets what has been kept of it, if that was not too
    /// much. What cannot be verified is answered by the old side, so it is the one that must have all.
    pub fn lead(&self) -> Side {
        if self.route.verify {
            Side::Old
        } else {
            self.serving
        }
    }

    /// No copy is sent, so there is nothing to verify an answer of the new side by: the old side serves. Only a write that is
    /// meant for one side alone goes where the weight sends it.
    fn serve_unverified(&mut self) {
        if self.route.verify && (self.head.is_safe() || self.both_write) {
            self.serving = Side::Old;
        }
    }

    /// Counts a request of which no copy was sent, once the serving side is done with it.
    pub fn count_alone(&self) {
        let old_only = self.route.writes == Some(Writes::OldOnly) && !self.head.is_safe();
        let unverified = self.route.verify && (self.head.is_safe() || self.both_write);
        self.heard.alone(self.serving, !old_only && !unverified);
    }

    /// True if the request may go to the other side where `from` fails.
    pub fn may_go_over(&self, from: Side) -> bool {
        let old_only = self.route.writes == Some(Writes::OldOnly) && !self.head.is_safe();
        self.snapshot.rescues(from) && !old_only
    }
}

/// Counts a panic that unwinds through a request. It ends that request's task and no other.
pub struct PanicCount(Arc<State>);

impl Drop for PanicCount {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.panics.fetch_add(1, Relaxed);
        }
    }
}

/// Handles one request from its head to the head of its answer.
pub async fn handle(worker: Rc<Worker>, client: Client, mut request: Request<Incoming>) -> Response<ClientBody> {
    let host = match validate::check(&request, HeadLimits::of(&worker.listener), &worker.state.refused) {
        Ok(host) => host,
        Err(refusal) => return client_error::refusal(&refusal),
    };
    let http2 = request.version() == Version::HTTP_2;
    let patience = Duration::from_millis(worker.listener.idle_timeout_ms);
    let standing = worker.state.breaker.standing();
    let snapshot = worker.state.snapshot.load_full();
    let (endpoint, route) = worker.endpoint(&snapshot, request.method(), request.uri().path());
    let ticket = Ticket::open(endpoint);
    let serving = choose(&worker, &snapshot, &route, client.address, &request);
    let wants_upgrade = upgrade::wanted(&mut request);
    let looped = request.headers().contains_key(shadow_mark::NAME);
    let (parts, incoming) = request.into_parts();
    let head = Rc::new(Head::from_client(parts, host, client.address, client.tls));
    let _panicking = PanicCount(Arc::clone(&worker.state));
    let mut exchange = Exchange {
        heard: Heard::new(&worker, &snapshot, ticket.endpoint(), standing),
        both_write: !looped && route.mirror && !head.is_safe() && writes_to_both(&snapshot, &route),
        worker,
        snapshot,
        route,
        head,
        ticket,
        serving,
        _panicking,
    };
    if let Some(wanted) = wants_upgrade {
        exchange.serve_unverified();
        return Box::pin(upgrade::pass(exchange, wanted, client.place)).await;
    }
    let permit = may_copy(&exchange, looped, &incoming);
    if let (Ok(_), Some(head)) = (&permit, Rc::get_mut(&mut exchange.head)) {
        head.detach(); // a copy that hangs would hold what its client has sent since, bodies and all
    }
    let response = match permit {
        Ok(permit) if exchange.both_write => unless_all_ends(serving::with_copy(exchange, permit, incoming)).await,
        Ok(permit) => serving::with_copy(exchange, permit, incoming).await,
        Err(outcome) => {
            exchange.serve_unverified();
            serving::alone(exchange, outcome, incoming).await
        }
    };
    if http2 {
        response.map(|body| body.watch(patience))
    } else {
        response // its connection is watched
    }
}

/// Runs in a task of its own, which the client's leaving does not end: it would take the write away from one side while
/// the other one has it.
async fn unless_all_ends(serving: impl Future<Output = Response<ClientBody>> + 'static) -> Response<ClientBody> {
    match tokio::task::spawn_local(serving).await {
        Ok(response) => response,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => client_error::ending(), // the worker stops: nobody reads this any more
        },
    }
}

fn choose(worker: &Worker, snapshot: &Snapshot, route: &Route, client: IpAddr, request: &Request<Incoming>) -> Side {
    if route.writes == Some(Writes::OldOnly) && !crate::headers::is_safe(request.method()) {
        return Side::Old;
    }
    let state = &worker.state;
    let weight = state.breaker.weight(&snapshot.breaker, state.weight_ppm.load(Relaxed));
    serving_side(
        &snapshot.assignment_key,
        &snapshot.sticky,
        request.headers(),
        client,
        weight,
    )
}

/// Decides on the copy: leave to send it, or the name of the "no".
fn may_copy(exchange: &Exchange, looped: bool, incoming: &Incoming) -> Result<Permit, Outcome> {
    let Exchange {
        snapshot,
        route,
        head,
        worker,
        ..
    } = exchange;
    if looped {
        return Err(Outcome::Looped);
    }
    if !route.mirror {
        return Err(Outcome::RouteNotMirrored);
    }
    if !head.is_safe() && !exchange.both_write {
        return Err(Outcome::MethodNotMirrored);
    }
    let state = &worker.state;
    let open = state.breaker.is_open(&snapshot.breaker);
    // A write that is meant for both is never left out by chance: the two databases would drift apart. Nor are probes, of
    // which there are few enough, unless nothing is to be copied at all.
    let sampled = match snapshot.sample_ppm {
        0 => false,
        share => share == WHOLE || open || fastrand::u32(0..WHOLE) < share,
    };
    if head.is_safe() && !sampled {
        return Err(Outcome::NotSampled);
    }
    if incoming.size_hint().lower() > snapshot.limits.body_bytes as u64 {
        return Err(Outcome::RequestTooLarge);
    }
    // Nor is such a write withheld from a side that may be about to come back; it is a probe like others.
    if open && !state.breaker.admits_probe(&snapshot.breaker) && head.is_safe() {
        return Err(Outcome::BreakerOpen);
    }
    let permit = Permit::of(&state.shadows, snapshot.limits.shadows, &state.memory).ok_or(Outcome::Overload)?;
    state.breaker.copied();
    Ok(permit)
}

fn writes_to_both(snapshot: &Snapshot, route: &Route) -> bool {
    match route.writes {
        Some(Writes::BothSides) => true,
        Some(Writes::OneSide | Writes::OldOnly) => false,
        None => snapshot.databases == Databases::Separate,
    }
}
