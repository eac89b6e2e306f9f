//! What every request sees.

use crate::fault::Faults;
use crate::store::Store;
use crate::throttle::Throttle;
use crate::token::TokenService;
use std::sync::Mutex;

/// The objects, the tokens, the faults and the limits.
pub struct State {
    /// The objects.
    pub store: Mutex<Store>,
    /// The token service.
    pub tokens: TokenService,
    /// Faults and counters.
    pub faults: Faults,
    /// The limits of the vaults.
    pub throttle: Throttle,
    /// Port of the TLS listener.
    pub port: u16,
    /// What the managed identity endpoint of App Service wants in `X-IDENTITY-HEADER`.
    pub identity_header: String,
}
