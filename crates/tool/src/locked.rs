//! Locks around plain data.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a mutex that another holder may have poisoned: for plain data that no panic can leave half changed.
pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
