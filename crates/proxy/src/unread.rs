//! Ends an answer that its client does not read.
//!
//! Over HTTP/1.1 a client that reads nothing stops our writes, and the listener times them. Over HTTP/2 it may leave one
//! stream's window shut while the connection lives: hyper then never asks for the answer again, and what it holds (a side's
//! connection, the copy of what has passed, the place of the exchange) would be held for as long as the client likes.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::body::{ClientBodyError, Passing};

/// hyper keeps one part of each unread answer, out of our reach. It is a copy of this many bytes at most, the longest frame
/// of HTTP/2 unless both ends agree on longer ones, and not a slice of the read buffer of a side's connection.
const PIECE: usize = 16 * 1024;

/// An answer that is dropped, all but its frame, when its client does not ask for the next part in time.
#[derive(Debug)]
pub struct Watched {
    shared: Rc<Shared>,
    watchdog: AbortHandle,
}

#[derive(Debug)]
struct Shared {
    /// None: given up.
    passing: RefCell<Option<Box<Passing>>>,
    /// What is left of the last part.
    rest: RefCell<Bytes>,
    /// Since when it is the client's turn; none while it waits for the side.
    unread_since: Cell<Option<Instant>>,
}

impl Watched {
    pub fn new(passing: Box<Passing>, patience: Duration) -> Self {
        let shared = Rc::new(Shared {
            passing: RefCell::new(Some(passing)),
            rest: RefCell::default(),
            unread_since: Cell::new(Some(Instant::now())),
        });
        let watchdog = tokio::task::spawn_local(watch(Rc::clone(&shared), patience)).abort_handle();
        Self { shared, watchdog }
    }

    pub fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ClientBodyError>>> {
        let mut passing = self.shared.passing.borrow_mut();
        let Some(passing) = passing.as_mut() else {
            return Poll::Ready(Some(Err(ClientBodyError::Unread)));
        };
        let mut rest = self.shared.rest.borrow_mut();
        let polled = if rest.is_empty() {
            passing.poll(cx)
        } else {
            Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut *rest)))))
        };
        self.shared.unread_since.set(polled.is_ready().then(Instant::now));
        let small = |frame: Frame<Bytes>| {
            frame.map_data(|mut data| {
                let piece = Bytes::copy_from_slice(&data.split_to(data.len().min(PIECE)));
                *rest = data;
                piece
            })
        };
        polled.map_ok(small).map_err(ClientBodyError::from)
    }

    pub fn is_over(&self) -> bool {
        let over = |passing: &Passing| passing.is_over() && self.shared.rest.borrow().is_empty();
        self.shared.passing.borrow().as_deref().is_some_and(over)
    }

    pub fn size_hint(&self) -> SizeHint {
        let passing = self.shared.passing.borrow();
        passing.as_ref().map(|p| p.size_hint()).unwrap_or_default()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.watchdog.abort();
    }
}

async fn watch(shared: Rc<Shared>, patience: Duration) {
    loop {
        let now = Instant::now();
        let until = shared.unread_since.get().unwrap_or(now) + patience;
        if until <= now {
            drop(shared.passing.take());
            shared.rest.take();
            return;
        }
        tokio::time::sleep_until(until).await;
    }
}
