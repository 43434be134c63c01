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
    /// Since when it is the client's turn; none while it waits for the side.
    unread_since: Cell<Option<Instant>>,
}

impl Watched {
    pub fn new(passing: Box<Passing>, patience: Duration) -> Self {
        let shared = Rc::new(Shared {
            passing: RefCell::new(Some(passing)),
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
        let polled = passing.poll(cx);
        self.shared.unread_since.set(polled.is_ready().then(Instant::now));
        polled.map_err(ClientBodyError::from)
    }

    pub fn is_over(&self) -> bool {
        self.shared.passing.borrow().as_ref().is_some_and(|p| p.is_over())
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
            return;
        }
        tokio::time::sleep_until(until).await;
    }
}
