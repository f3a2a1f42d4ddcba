//! comenq-proto
