//! comenqd
