//! The routes of the listeners that speak as a cloud's metadata server (`shape` in `[[listen.extra]]`). Their paths are
//! those of the vendors, and no other listener has them.

use super::row::{Access, Endpoint, Route, RouteScope, get};

/// All of them.
pub(super) const ROWS: [Route; 4] = [
    // Clients ask here whether there is such a server.
    get("/", Access::Gce, RouteScope::OfListener, Endpoint::GceRoot),
    get(
        "/computeMetadata/v1/instance/service-accounts/{name}/",
        Access::Gce,
        RouteScope::OfListener,
        Endpoint::GceServiceAccount,
    ),
    get(
        "/computeMetadata/v1/instance/service-accounts/{name}/token",
        Access::Gce,
        RouteScope::OfListener,
        Endpoint::GceToken,
    ),
    get("/msi/token", Access::ManagedIdentity, RouteScope::OfListener, Endpoint::ManagedIdentityToken),
];
