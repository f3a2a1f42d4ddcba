//! Who may administer, who may post, and what is too dangerous by default.
//!
//! Decides what the keys `admin_group`, `operator_group`, `public_status` and `allow_dangerous` mean.
//! The name service is asked here for groups, as [`super::users`] asks it for users. Called by
//! [`super::load`]; who is in a group is asked at each request, elsewhere.

use std::io;

use toml::Value;

use super::ConfigError;
use super::origin::Origin;
use super::users::Lookup;
use super::values::{Values, text_is_allowed};
use crate::policy::Access;

/// The group of the packaged socket.
const DEFAULT_OPERATOR_GROUP: &str = "comenq";

/// The number that means "no group" to the kernel.
const NO_GID: u32 = u32::MAX;

/// Asks the host's name service for a group's number.
///
/// # Errors
/// Where it cannot answer.
pub fn lookup_group(name: &str) -> io::Result<Option<u32>> {
    let group = nix::unistd::Group::from_name(name).map_err(io::Error::from)?;
    Ok(group.map(|group| group.gid.as_raw()))
}

/// Reads the keys. A group that does not exist is an error: nobody would be in it, in silence.
pub(super) fn read(values: &mut Values<'_>, lookup: Lookup) -> Result<Access, ConfigError> {
    let admin_group = group(values, "admin_group", lookup)?;
    let public_status = values.boolean("public_status", false)?;
    let given = group(values, "operator_group", lookup)?;
    let operator_group = match given {
        None if public_status => Some(default_operators(values, lookup)?),
        given => given,
    };
    match (given, public_status) {
        (None, true) => {
            let name = Value::String(DEFAULT_OPERATOR_GROUP.to_owned());
            values.note("operator_group", &name, &Origin::Default);
        }
        (None, false) => {
            values.remark("operator_group: everybody whom the socket lets connect");
        }
        (Some(_), true) => {}
        (Some(_), false) => values.remark("operator_group counts only with public_status = true"),
    }
    Ok(Access {
        admin_group,
        operator_group,
        public_status,
        allow_dangerous: values.boolean("allow_dangerous", false)?,
    })
}

/// The number of the group that a key names, if it was given.
fn group(
    values: &mut Values<'_>,
    key: &'static str,
    lookup: Lookup,
) -> Result<Option<u32>, ConfigError> {
    let Some(entry) = values.table().get(key) else {
        if key == "admin_group" {
            values.remark("admin_group: none, only root and the daemon's own user are admins");
        }
        return Ok(None);
    };
    let (value, origin) = (entry.value.clone(), entry.origin.clone());
    let wrong = |reason: String| values.wrong(key, &value, origin.clone(), reason);
    let gid = match &value {
        Value::Integer(number) => number_of(*number).map_err(wrong)?,
        Value::String(text) if text_is_allowed(&origin) && is_number(text) => {
            number_of(text.parse().unwrap_or(-1)).map_err(wrong)?
        }
        Value::String(name) => named(name, lookup).map_err(wrong)?,
        _ => {
            return Err(wrong(
                "must be a group's name in quotes, or a number".to_owned(),
            ));
        }
    };
    values.note(key, &value, &origin);
    Ok(Some(gid))
}

fn default_operators(values: &Values<'_>, lookup: Lookup) -> Result<u32, ConfigError> {
    named(DEFAULT_OPERATOR_GROUP, lookup).map_err(|reason| {
        let name = Value::String(DEFAULT_OPERATOR_GROUP.to_owned());
        let reason = format!("{reason}; with public_status = true only its members can post");
        values.wrong("operator_group", &name, Origin::Default, reason)
    })
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn number_of(number: i64) -> Result<u32, String> {
    let gid = u32::try_from(number).ok().filter(|gid| *gid != NO_GID);
    gid.ok_or_else(|| {
        format!(
            "is no group's number; write one from 0 to {}, or a name",
            NO_GID - 1
        )
    })
}

fn named(name: &str, lookup: Lookup) -> Result<u32, String> {
    const ADVICE: &str = "write the group's number (getent group tells it)";
    if name.is_empty() || name.contains('\0') {
        return Err("is no group's name; correct or remove it".to_owned());
    }
    match lookup(name) {
        Ok(Some(gid)) => Ok(gid),
        Ok(None) => Err(format!(
            "there is no such group on this host; correct the name, create the group, or {ADVICE}"
        )),
        Err(error) => Err(format!("the group cannot be looked up ({error}); {ADVICE}")),
    }
}
