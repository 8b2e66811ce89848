//! A value whose changes can be awaited. Waiters wake in order, so that a seed is reproducible.

use std::sync::Mutex;

use tokio::sync::Notify;

/// Unlike tokio's watch channel, it wakes waiters in a deterministic order.
#[derive(Debug, Default)]
pub(super) struct Signal<T> {
    value: Mutex<T>,
    changed: Notify,
}

impl<T: Copy> Signal<T> {
    pub(super) fn new(value: T) -> Self {
        Self {
            value: Mutex::new(value),
            changed: Notify::new(),
        }
    }

    pub(super) fn get(&self) -> T {
        *self.value.lock().unwrap()
    }

    pub(super) fn modify(&self, change: impl FnOnce(&mut T)) {
        change(&mut self.value.lock().unwrap());
        self.changed.notify_waiters();
    }

    /// Resolves once `accepts` holds for the value.
    pub(super) async fn wait_for(&self, accepts: impl Fn(T) -> bool) {
        if accepts(self.get()) {
            return;
        }
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if accepts(self.get()) {
                return;
            }
            changed.await;
        }
    }
}
