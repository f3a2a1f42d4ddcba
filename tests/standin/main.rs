//! The stand-in tested by itself, with a client of a few lines over a plain
//! socket: what is asserted are the bytes a client of GitHub meets.

#[cfg(test)]
mod api;
#[cfg(test)]
mod apps;
#[cfg(test)]
mod client;
#[cfg(test)]
mod control;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod moves;
#[cfg(test)]
mod real_client;
#[cfg(test)]
mod refusals;
