//! One task that many wait for: what is asked for while it runs is answered by it, and not asked again.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;

use tokio::sync::watch;

type UnderWay<T> = Rc<RefCell<Option<watch::Receiver<Option<T>>>>>;

pub struct Flight<T>(UnderWay<T>);

impl<T> Default for Flight<T> {
    fn default() -> Self {
        Self(Rc::default())
    }
}

impl<T: Clone + 'static> Flight<T> {
    /// The result of the task under way, or of `begin` if there is none. The task ends by itself, whoever leaves. None: it
    /// panicked.
    pub async fn join(&self, begin: impl Future<Output = T> + 'static) -> Option<T> {
        let under_way = self.0.borrow().clone();
        let mut told = under_way.unwrap_or_else(|| self.start(begin));
        let result = told.wait_for(Option::is_some).await.ok()?;
        result.clone()
    }

    fn start(&self, begin: impl Future<Output = T> + 'static) -> watch::Receiver<Option<T>> {
        let (tell, told) = watch::channel(None);
        *self.0.borrow_mut() = Some(told.clone());
        let landing = Landing(Rc::clone(&self.0));
        tokio::task::spawn_local(async move {
            let result = begin.await;
            drop(landing); // whoever asks from now on asks anew
            tell.send_replace(Some(result));
        });
        told
    }
}

/// Makes room for the next task, also where this one panics.
struct Landing<T>(UnderWay<T>);

impl<T> Drop for Landing<T> {
    fn drop(&mut self) {
        self.0.borrow_mut().take();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::sync::Notify;
    use tokio::task::LocalSet;

    use super::*;

    #[tokio::test]
    async fn many_wait_for_one() {
        let begun = Rc::new(Cell::new(0));
        let (flight, go) = (Rc::new(Flight::default()), Rc::new(Notify::new()));
        let ask = || {
            let (flight, begun, go) = (Rc::clone(&flight), Rc::clone(&begun), Rc::clone(&go));
            async move {
                let task = async move {
                    begun.set(begun.get() + 1);
                    go.notified().await;
                    begun.get()
                };
                flight.join(task).await
            }
        };
        let local = LocalSet::new();
        local
            .run_until(async {
                let asked: Vec<_> = (0..50).map(|_| tokio::task::spawn_local(ask())).collect();
                tokio::task::yield_now().await;
                asked[0].abort(); // the first one leaves: the others have their answer all the same
                go.notify_one();
                for answer in asked.into_iter().skip(1) {
                    assert_eq!(answer.await.unwrap(), Some(1));
                }
                go.notify_one();
                assert_eq!(ask().await, Some(2));
            })
            .await;
    }

    #[tokio::test]
    async fn a_panic_takes_nobody_with_it() {
        let flight = Flight::default();
        let local = LocalSet::new();
        local
            .run_until(async {
                let silent = std::panic::take_hook();
                std::panic::set_hook(Box::new(|_| {}));
                assert_eq!(flight.join(async { panic!("as asked") }).await, None::<u8>);
                std::panic::set_hook(silent);
                assert_eq!(flight.join(async { 7 }).await, Some(7));
            })
            .await;
    }
}
