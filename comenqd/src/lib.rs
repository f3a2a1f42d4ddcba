//! comenqd: queues GitHub comments durably and posts them at a pace GitHub tolerates.
//!
//! `main` hands over to `app`, the only place where parts are built and joined. Inbound
//! (`server` → `service`) and outbound (`worker` → `github`) never call each other: they meet
//! only in `queue`, which alone talks to `store`. An arrow never runs up; ARCHITECTURE.md shows
//! the floors.

#![forbid(unsafe_code)]

pub mod api_url;
pub mod app;
pub mod catalogue;
pub mod clock;
pub mod config;
pub mod github;
pub mod groups;
pub mod logging;
pub mod manager;
pub mod notify;
pub mod offline;
pub mod pacer;
pub mod policy;
pub mod queue;
pub mod retry;
pub mod secret;
pub mod server;
pub mod service;
pub mod shutdown;
pub mod store;
pub mod worker;
