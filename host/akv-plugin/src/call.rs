//! One call: a fresh store and instance, limits, and nothing left behind.

use crate::answer::broken;
use crate::engine::{Engine, TICK};
use crate::limits::{Limiter, Limits, Usage, WALL};
use crate::signal_stack;
use akv_core::{PluginFault, PluginName};
use std::time::Instant;
use wasmtime::{Store, Trap};

/// Bytes that may cross the border in one call: the output limit of one side and the size of a vault's objects on the
/// other, with room for lists.
const CROSSING: usize = 16 << 20;
/// Resource handles of a component; a plugin needs none.
const HANDLES: usize = 16;

/// Runs `work` in a store of its own and drops it, whatever came of it.
pub(crate) fn isolated<T>(
    engine: &Engine,
    plugin: &PluginName,
    limits: &Limits,
    work: impl FnOnce(&mut Store<Limiter>) -> wasmtime::Result<T>,
) -> (Result<T, PluginFault>, Usage) {
    let began = Instant::now();
    let mut store = Store::new(engine.inner(), Limiter::new(limits.memory));
    store.limiter(|limiter| limiter);
    store.set_epoch_deadline((WALL.as_millis() / TICK.as_millis()) as u64);
    store.set_hostcall_fuel(CROSSING);
    store.set_max_component_handles(HANDLES);
    let result = store.set_fuel(limits.fuel).and_then(|()| work(&mut store));
    let left = store.get_fuel().unwrap_or(0);
    let usage = Usage { fuel: limits.fuel.saturating_sub(left), memory: store.data().used(), time: began.elapsed() };
    let refused = store.data().refused();
    // After a trap the store must not be touched again; its memory goes back to the system here.
    drop(store);
    if result.is_err() {
        signal_stack::wipe();
    }
    (result.map_err(|error| fault(plugin, limits, refused, &error)), usage)
}

fn fault(plugin: &PluginName, limits: &Limits, out_of_memory: bool, error: &wasmtime::Error) -> PluginFault {
    if out_of_memory {
        return broken(plugin, "out-of-memory", format!("it asked for more than {} bytes of memory", limits.memory));
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => broken(plugin, "out-of-fuel", format!("it used up its {} units of fuel", limits.fuel)),
        Some(Trap::Interrupt) => broken(plugin, "timed-out", format!("it ran for {} s", WALL.as_secs())),
        Some(Trap::StackOverflow) => broken(plugin, "stack-overflow", "it recursed too deep".to_owned()),
        // The kind of a trap is one of a fixed list and holds nothing of a value.
        Some(trap) => broken(plugin, "trap", trap.to_string()),
        None => {
            broken(plugin, "broken-answer", "its answer does not have the shape of the WIT, or is too large".to_owned())
        }
    }
}
