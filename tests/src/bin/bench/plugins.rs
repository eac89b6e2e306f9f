//! What compiling a plugin takes, and calling one.

use crate::report::{Report, median};
use akv_core::recipe::Config;
use akv_core::{PluginName, SecretValue};
use akv_plugin::Engine;
use std::time::Instant;

/// CPU of this thread, in microseconds.
fn cpu() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

/// Every default is compiled, and one called.
pub fn measure(report: &mut Report) {
    for name in akv_defaults::names() {
        let wasm = akv_defaults::wasm(name).unwrap_or_default();
        let began = Instant::now();
        let artifact = akv_plugin::compile(wasm);
        report.add(
            &format!("compile {name} ({} KiB)", wasm.len() / 1024),
            began.elapsed().as_secs_f64() * 1e3,
            "ms",
            None,
        );
        assert!(artifact.is_ok(), "{name} compiles");
    }
    let engine = Engine::new().unwrap_or_else(|e| panic!("{e}"));
    let plugins = akv_defaults::load(&engine).unwrap_or_else(|e| panic!("{e}"));
    let name = PluginName::parse("base64encode").unwrap_or_else(|e| panic!("{e}"));
    let plugin = plugins.get(&name).unwrap_or_else(|| panic!("no {name}"));
    for (size, goal) in [(1 << 10, Some(30.0)), (25 << 10, None)] {
        let input = SecretValue::new(vec![b'x'; size]);
        let samples = (0..2000).map(|_| {
            let before = cpu();
            assert!(plugin.apply(&Config::new(), &input).is_ok(), "the call succeeds");
            cpu() - before
        });
        report.add(
            &format!("CPU of one call, base64encode, {} KiB", size >> 10),
            median(samples.collect()),
            "µs",
            goal,
        );
    }
}
