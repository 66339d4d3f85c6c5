//! `wasi:clocks` over a run's [`RunIo`](exuvia_tool::RunIo).
//!
//! wasmtime-wasi's own implementation takes any clock for reading but always sleeps on the real one.

use std::time::Duration;

use exuvia_tool::BoxFuture;
use wasmtime::Result;
use wasmtime::component::Resource;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::bindings::clocks::{monotonic_clock, wall_clock};
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};

use crate::Sandbox;

impl wall_clock::Host for Sandbox {
    fn now(&mut self) -> Result<wall_clock::Datetime> {
        let now = self.io.wall_clock();
        Ok(wall_clock::Datetime { seconds: now.as_secs(), nanoseconds: now.subsec_nanos() })
    }

    fn resolution(&mut self) -> Result<wall_clock::Datetime> {
        Ok(wall_clock::Datetime { seconds: 0, nanoseconds: 1 })
    }
}

impl monotonic_clock::Host for Sandbox {
    fn now(&mut self) -> Result<u64> {
        Ok(self.monotonic_ns())
    }

    fn resolution(&mut self) -> Result<u64> {
        Ok(1)
    }

    fn subscribe_instant(&mut self, when: u64) -> Result<Resource<DynPollable>> {
        let sleep = Sleep { until: Some(self.io.sleep_until(Duration::from_nanos(when))) };
        let sleep = self.table.push(sleep)?;
        subscribe(&mut self.table, sleep)
    }

    fn subscribe_duration(&mut self, duration: u64) -> Result<Resource<DynPollable>> {
        let now = self.monotonic_ns();
        self.subscribe_instant(now.saturating_add(duration))
    }
}

impl Sandbox {
    pub(crate) fn monotonic_ns(&mut self) -> u64 {
        u64::try_from(self.io.monotonic_clock().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// A sleep that stays over once it is over.
struct Sleep {
    until: Option<BoxFuture<'static, ()>>,
}

#[async_trait]
impl Pollable for Sleep {
    async fn ready(&mut self) {
        if let Some(until) = &mut self.until {
            until.await;
            self.until = None;
        }
    }
}
