//! Signals, telemetry, admin endpoints; knows nothing of Kubernetes.
