//! The octocrab client, built so that a request is sent once and only where it belongs.
//!
//! Decides what stands between octocrab and the socket. Called by `http` at the first request.
//! Must not know what is asked.
//!
//! octocrab's own `build()` is not used: it adds `User-Agent: octocrab` beside ours, and its pool
//! keeps connections that the other side may have closed, on which a POST ends with an outcome
//! that nobody knows. So every request gets a connection of its own, and a failure to connect is
//! one of a request that never left.
//!
//! Which certificates are trusted: those of the machine, through rustls-native-certs, as octocrab
//! with `rustls` has it (`SSL_CERT_FILE` and `SSL_CERT_DIR` are honoured, else the usual places
//! such as /etc/ssl/certs). No Mozilla roots are compiled in, so a machine without a CA store
//! (Debian: the package ca-certificates) reaches no GitHub, and says so.

use std::time::Duration;

use http::HeaderValue;
use http::header::{ACCEPT, CACHE_CONTROL, USER_AGENT};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::TokioExecutor;
use octocrab::service::middleware::extra_headers::ExtraHeadersLayer;
use octocrab::{
    AuthState, DefaultOctocrabBuilderConfig, NoAuth, NoSvc, NotLayerReady, OctoBody, Octocrab,
    OctocrabBuilder,
};

/// What the client needs to know.
pub(super) struct Recipe {
    /// Scheme, host and port of the API.
    pub(super) origin: http::Uri,
    /// `User-Agent`.
    pub(super) user_agent: HeaderValue,
    /// The longest that the whole of a request may take.
    pub(super) timeout: Duration,
}

/// To connect takes at most this, and at most half of the whole: so that what runs into the total
/// timeout was connected, and a connection that fails counts as "not sent".
const MAX_CONNECT: Duration = Duration::from_secs(10);

/// Builds the client. Must run inside a runtime: octocrab starts a task.
///
/// # Errors
/// Where the machine trusts no certificate authority, or the thread that reads them failed.
pub(super) async fn build(recipe: Recipe) -> Result<Octocrab, std::io::Error> {
    if recipe.origin.scheme() == Some(&http::uri::Scheme::HTTPS) {
        // Reading the certificates blocks.
        let https = tokio::task::spawn_blocking(trusting_the_machine)
            .await
            .map_err(std::io::Error::other)??;
        let https = timeouts(recipe.timeout).set_connect_timeout_service(https);
        Ok(assemble(recipe, https))
    } else {
        let plain = timeouts(recipe.timeout).set_connect_timeout_service(HttpConnector::new());
        Ok(assemble(recipe, plain))
    }
}

/// octocrab's own way to put timeouts around a connector.
fn timeouts(
    total: Duration,
) -> OctocrabBuilder<NoSvc, DefaultOctocrabBuilderConfig, NoAuth, NotLayerReady> {
    Octocrab::builder()
        .set_connect_timeout(Some(MAX_CONNECT.min(total / 2)))
        .set_read_timeout(Some(total))
        .set_write_timeout(Some(total))
}

fn trusting_the_machine() -> Result<HttpsConnector<HttpConnector>, std::io::Error> {
    Ok(HttpsConnectorBuilder::new()
        .with_provider_and_native_roots(rustls::crypto::ring::default_provider())?
        .https_only()
        .enable_http1()
        .build())
}

fn assemble(recipe: Recipe, connector: impl Connect + Clone + Send + Sync + 'static) -> Octocrab {
    let client: Client<_, OctoBody> = Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(0)
        .retry_canceled_requests(false)
        .build(connector);
    // octocrab itself adds `X-GitHub-Api-Version: 2022-11-28` to every request.
    let headers = vec![
        (USER_AGENT, recipe.user_agent),
        (
            ACCEPT,
            HeaderValue::from_static("application/vnd.github+json"),
        ),
        // What stood in a cache says nothing of what was posted since.
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    let built = OctocrabBuilder::new_empty()
        .with_service(client)
        .with_layer(&ExtraHeadersLayer::new(headers.into()))
        .with_auth(AuthState::None)
        .build();
    match built {
        Ok(octocrab) => octocrab,
        Err(never) => match never {},
    }
}
