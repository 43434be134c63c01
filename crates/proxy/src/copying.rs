//! A request's body on its way to two sides.
//!
//! The *lead* reads the client's body at the pace of its own side and leaves each part in a buffer; the *follower* reads
//! the buffer. Over the cap, or when the lead ends early, the follower's body ends in an error and never in a clean end:
//! half an upload must not look like a whole one (proxy pitfalls, 15).

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use crate::budget::Share;
use crate::store::{Full, Store};

/// Why a body that we send to a side broke off.
#[derive(Debug, thiserror::Error)]
pub enum SendBodyError {
    #[error("the client's body broke off: {0}")]
    Client(#[from] hyper::Error),
    #[error("the client's body stood still for too long")]
    Stalled,
    #[error("the copy was given up")]
    Cut,
}

/// The body of a request to a side.
#[derive(Debug)]
pub enum ReqBody {
    Empty,
    Lead(Lead),
    Follow(Follow),
}

impl ReqBody {
    pub fn is_empty(&self) -> bool {
        matches!(self, ReqBody::Empty)
    }

    /// For timeouts: an upload that moves is not a side that hangs.
    pub fn progress(&self) -> Option<Progress> {
        let (upload, role) = match self {
            ReqBody::Empty => return None,
            ReqBody::Lead(lead) => (&lead.0, Role::Lead),
            ReqBody::Follow(follow) => (&follow.upload, Role::Follower),
        };
        Some(Progress {
            upload: Rc::clone(upload),
            role,
        })
    }
}

/// What the sender of a body may ask about it once it has been handed over.
#[derive(Debug, Clone)]
pub struct Progress {
    upload: Rc<Upload>,
    role: Role,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Lead,
    Follower,
}

impl Progress {
    /// When the client last sent something.
    pub fn last(&self) -> Instant {
        self.upload.last.get()
    }

    /// True while the client owes the next part.
    pub fn waits_for_client(&self) -> bool {
        self.upload.waiting.get()
    }

    /// True once the client has sent all of it.
    pub fn is_whole(&self) -> bool {
        self.upload.state.borrow().end == End::Whole
    }

    /// Why the body broke off, if it did for a reason that is not the side's: the client's fault, or a copy that we gave
    /// up.
    pub fn cut(&self) -> Option<Cut> {
        let cut = self.upload.cut()?;
        (self.role == Role::Follower || matches!(cut, Cut::Client | Cut::Stalled)).then_some(cut)
    }

    /// Notes that the side has begun its answer, or is through with it: until then a client that owes the next part for
    /// too long does not end the upload, as that would break off the answer too.
    pub fn answering(&self, answering: bool) {
        if self.role == Role::Lead || self.upload.state.borrow().lead_gone {
            self.upload.answering.set(answering);
        }
    }
}

/// The client's body and what has been read of it.
#[derive(Debug)]
pub struct Upload {
    last: Cell<Instant>,
    waiting: Cell<bool>,
    answering: Cell<bool>,
    hint: SizeHint,
    state: RefCell<UploadState>,
}

#[derive(Debug)]
struct UploadState {
    /// None: nobody reads it any more. hyper gets it back at once, or the client's connection would wait for us.
    incoming: Option<Incoming>,
    /// None: no follower, nothing is kept.
    kept: Option<Kept>,
    end: End,
    lead_gone: bool,
    follower: Option<Waker>,
    /// How long the client may owe the next part.
    patience: Duration,
    stall: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug)]
struct Kept {
    data: Store,
    trailers: Option<Box<HeaderMap>>,
    /// The follower goes on by itself where the lead's side failed: it carries the rescue.
    takes_over: bool,
    /// The follower went on by itself: what it read is not in here.
    torn: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Open,
    Whole,
    /// The follower gets an error.
    Cut(Cut),
}

/// Why a copy's body was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The client broke off, or sent what is no body.
    Client,
    /// The client owed the next part for too long.
    Stalled,
    /// More than a copy may have.
    TooLarge,
    /// More than all copies together may have.
    Overload,
    /// The lead's side failed, or answered before it had read everything.
    LeadGone,
}

impl From<Full> for Cut {
    fn from(full: Full) -> Self {
        match full {
            Full::Cap => Cut::TooLarge,
            Full::Memory => Cut::Overload,
        }
    }
}

impl Upload {
    /// For one side only.
    pub fn single(incoming: Incoming, patience: Duration) -> ReqBody {
        ReqBody::Lead(Lead(Self::new(incoming, patience, None)))
    }

    /// For both sides: the lead's and the follower's body, and a handle to ask for the bytes later.
    pub fn tee(
        incoming: Incoming,
        patience: Duration,
        cap: usize,
        share: Share,
        takes_over: bool,
    ) -> (ReqBody, ReqBody, Rc<Upload>) {
        let kept = Kept {
            data: Store::new(cap, share),
            trailers: None,
            takes_over,
            torn: false,
        };
        let upload = Self::new(incoming, patience, Some(kept));
        let follow = Follow {
            upload: Rc::clone(&upload),
            read: 0,
            trailers_read: false,
        };
        (ReqBody::Lead(Lead(Rc::clone(&upload))), ReqBody::Follow(follow), upload)
    }

    fn new(incoming: Incoming, patience: Duration, kept: Option<Kept>) -> Rc<Self> {
        let hint = incoming.size_hint();
        let state = UploadState {
            incoming: Some(incoming),
            kept,
            end: End::Open,
            lead_gone: false,
            follower: None,
            patience,
            stall: None,
        };
        Rc::new(Self {
            last: Cell::new(Instant::now()),
            waiting: Cell::new(false),
            answering: Cell::new(false),
            hint,
            state: RefCell::new(state),
        })
    }

    /// Why the copy's body was given up, if it was.
    pub fn cut(&self) -> Option<Cut> {
        match self.state.borrow().end {
            End::Cut(cut) => Some(cut),
            End::Open | End::Whole => None,
        }
    }

    /// The lead's side serves the client, so nothing is left to be rescued: where it leaves the upload, the copy does too.
    /// The client would have to wait for the copy's side otherwise.
    pub fn lead_serves(&self) {
        let mut state = self.state.borrow_mut();
        if let Some(kept) = &mut state.kept {
            kept.takes_over = false;
        }
        if state.lead_gone && state.end == End::Open {
            state.abandon();
        }
    }

    /// The whole body, once it has been read and kept.
    pub fn whole(&self) -> Option<Bytes> {
        let state = self.state.borrow();
        let kept = state.kept.as_ref()?;
        (state.end == End::Whole && !kept.torn).then(|| kept.data.copy())
    }

    /// Reads on from the client.
    fn poll_client(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, SendBodyError>>> {
        let mut state = self.state.borrow_mut();
        let Some(incoming) = &mut state.incoming else {
            return Poll::Ready(Some(Err(SendBodyError::Cut)));
        };
        let polled = Pin::new(&mut *incoming).poll_frame(cx);
        let over = incoming.is_end_stream();
        self.waiting.set(polled.is_pending());
        let Poll::Ready(read) = polled else {
            std::task::ready!(state.poll_stall(cx, &self.answering));
            state.finish(End::Cut(Cut::Stalled));
            return Poll::Ready(Some(Err(SendBodyError::Stalled)));
        };
        state.stall = None;
        self.last.set(Instant::now());
        match &read {
            Some(Ok(frame)) => {
                state.keep(frame);
                if frame.is_trailers() || over {
                    state.finish(End::Whole); // a body of known length, or one with trailers, may never be polled again
                }
            }
            Some(Err(_)) => state.finish(End::Cut(Cut::Client)),
            None => state.finish(End::Whole),
        }
        Poll::Ready(read.map(|r| r.map_err(SendBodyError::from)))
    }
}

/// True if nothing can be missing of a body any more. HTTP/2 may end a stream in a frame of its own, after as many bytes as
/// were declared: whoever reads by length never looks for it. (Trailers may still come.)
pub fn is_complete(body: &Incoming) -> bool {
    body.is_end_stream() || body.size_hint().exact() == Some(0)
}

impl UploadState {
    /// Ready when the client has owed the next part for too long.
    fn poll_stall(&mut self, cx: &mut Context<'_>, answering: &Cell<bool>) -> Poll<()> {
        let patience = self.patience;
        let stall = self.stall.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        std::task::ready!(stall.as_mut().poll(cx));
        if !answering.get() {
            return Poll::Ready(());
        }
        stall.as_mut().reset(Instant::now() + patience); // to look again when the answer may be over
        stall.as_mut().poll(cx)
    }

    fn keep(&mut self, frame: &Frame<Bytes>) {
        let Some(kept) = self.kept.as_mut().filter(|_| self.end == End::Open) else {
            return;
        };
        if self.lead_gone {
            kept.torn = true; // straight to the follower, which nobody waits for to catch up
            return;
        }
        let added = match (frame.data_ref(), frame.trailers_ref()) {
            (Some(data), _) => kept.data.add(data),
            (_, Some(trailers)) => {
                kept.trailers = Some(Box::new(trailers.clone()));
                kept.data.charge(trailers)
            }
            _ => Ok(()),
        };
        match added {
            Ok(()) => self.wake_follower(),
            Err(full) => self.finish(End::Cut(full.into())),
        }
    }

    fn finish(&mut self, end: End) {
        if self.end == End::Open {
            self.end = end;
            if let End::Cut(_) = end {
                self.kept = None; // nobody will read it
            }
        }
        self.wake_follower();
    }

    /// The copy has nothing to go on with.
    fn abandon(&mut self) {
        self.incoming = None;
        self.finish(End::Cut(Cut::LeadGone));
    }

    fn wake_follower(&mut self) {
        if let Some(waker) = self.follower.take() {
            waker.wake();
        }
    }
}

/// The body that reads the client.
#[derive(Debug)]
pub struct Lead(Rc<Upload>);

impl Drop for Lead {
    fn drop(&mut self) {
        let mut state = self.0.state.borrow_mut();
        if state.end != End::Open {
            state.incoming = None;
            return;
        }
        if state.incoming.as_ref().is_some_and(is_complete) {
            state.finish(End::Whole);
        } else if state.kept.as_ref().is_some_and(|kept| kept.takes_over) {
            state.lead_gone = true;
            state.wake_follower();
        } else {
            state.abandon();
        }
    }
}

/// The body that reads what the lead has left.
#[derive(Debug)]
pub struct Follow {
    upload: Rc<Upload>,
    read: usize,
    trailers_read: bool,
}

impl Drop for Follow {
    fn drop(&mut self) {
        let mut state = self.upload.state.borrow_mut();
        if state.lead_gone {
            state.incoming = None;
        }
    }
}

/// Most that a follower takes at once.
const PIECE: usize = 64 * 1024;

impl Follow {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, SendBodyError>>> {
        let mut state = self.upload.state.borrow_mut();
        if let End::Cut(_) = state.end {
            return Poll::Ready(Some(Err(SendBodyError::Cut)));
        }
        if let Some(kept) = &state.kept {
            if let Some(data) = kept.data.read(self.read, PIECE) {
                self.read += data.len();
                return Poll::Ready(Some(Ok(Frame::data(data))));
            }
            if let Some(trailers) = kept.trailers.as_ref().filter(|_| !self.trailers_read) {
                self.trailers_read = true;
                return Poll::Ready(Some(Ok(Frame::trailers((**trailers).clone()))));
            }
        }
        if state.end == End::Whole {
            return Poll::Ready(None);
        }
        if state.lead_gone {
            drop(state);
            return self.upload.poll_client(cx);
        }
        state.follower = Some(cx.waker().clone());
        Poll::Pending
    }

    fn is_end(&self) -> bool {
        let state = self.upload.state.borrow();
        let read = |kept: &Kept| self.read == kept.data.len() && (self.trailers_read || kept.trailers.is_none());
        state.end == End::Whole && state.kept.as_ref().is_none_or(read)
    }
}

impl Body for ReqBody {
    type Data = Bytes;
    type Error = SendBodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, SendBodyError>>> {
        match self.get_mut() {
            ReqBody::Empty => Poll::Ready(None),
            ReqBody::Lead(lead) => lead.0.poll_client(cx),
            ReqBody::Follow(follow) => follow.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            ReqBody::Empty => true,
            ReqBody::Lead(lead) => {
                let state = lead.0.state.borrow();
                state.incoming.as_ref().is_some_and(Body::is_end_stream)
            }
            ReqBody::Follow(follow) => follow.is_end(),
        }
    }

    /// What the client declared, exactly or not at all: hyper frames the message by it.
    fn size_hint(&self) -> SizeHint {
        match self {
            ReqBody::Empty => SizeHint::with_exact(0),
            ReqBody::Lead(Lead(upload)) | ReqBody::Follow(Follow { upload, .. }) => match upload.hint.exact() {
                Some(bytes) => SizeHint::with_exact(bytes),
                None => SizeHint::default(),
            },
        }
    }
}
