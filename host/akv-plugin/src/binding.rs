//! The WIT in Rust. Nothing outside this crate sees these types.

/// The world of transforms.
pub(crate) mod transform {
    wasmtime::component::bindgen!({ path: "../../wit", world: "transform-plugin" });
}

/// The world of outputs.
pub(crate) mod output {
    wasmtime::component::bindgen!({ path: "../../wit", world: "output-plugin" });
}
