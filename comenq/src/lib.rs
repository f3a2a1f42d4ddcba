//! comenq
