//! What one call may use.

use std::time::Duration;
use wasmtime::ResourceLimiter;

/// Limits of one call. The wall guard behind them is fixed, see [`WALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of linear memory, summed over all memories of the component.
    pub memory: usize,
    /// Units of fuel, about one for each instruction.
    pub fuel: u64,
    /// Bytes of output, keys and values.
    pub output: usize,
}

/// No call runs longer. It guards against what fuel does not count; in use the fuel ends first.
pub const WALL: Duration = Duration::from_secs(10);

impl Limits {
    /// What a plugin gets that names no limits: every language tried handles 256 KiB within them.
    pub const DEFAULT: Self = Self { memory: 32 << 20, fuel: 1_000_000_000, output: 1 << 20 };
    /// What nobody may go beyond.
    pub const MAX: Self = Self { memory: 128 << 20, fuel: 10_000_000_000, output: 1 << 20 };

    /// These limits, or the maxima where they are lower.
    pub fn capped(self) -> Self {
        Self {
            memory: self.memory.min(Self::MAX.memory),
            fuel: self.fuel.min(Self::MAX.fuel),
            output: self.output.min(Self::MAX.output),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What one call used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Units of fuel.
    pub fuel: u64,
    /// Bytes of linear memory at the end, which never shrinks.
    pub memory: usize,
    /// Wall time.
    pub time: Duration,
}

/// Adds up all memories of a store: wasmtime's own limit is for each memory, and a component may have several.
#[derive(Debug)]
pub(crate) struct Limiter {
    limit: usize,
    used: usize,
    refused: bool,
}

impl Limiter {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, used: 0, refused: false }
    }

    pub(crate) fn used(&self) -> usize {
        self.used
    }

    /// Whether memory was asked for beyond the limit.
    pub(crate) fn refused(&self) -> bool {
        self.refused
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.used - current.min(self.used) + desired;
        if total > self.limit {
            self.refused = true;
            return Err(wasmtime::Error::msg("the memory limit is reached"));
        }
        self.used = total;
        Ok(true)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        // QuickJS and Go need some thousand elements.
        Ok(desired <= 100_000)
    }

    fn instances(&self) -> usize {
        64
    }

    fn tables(&self) -> usize {
        16
    }

    fn memories(&self) -> usize {
        8
    }
}

impl From<akv_core::limits::Limits> for Limits {
    fn from(limits: akv_core::limits::Limits) -> Self {
        Self {
            memory: usize::try_from(limits.memory).unwrap_or(usize::MAX),
            fuel: limits.fuel,
            output: usize::try_from(limits.output).unwrap_or(usize::MAX),
        }
    }
}
