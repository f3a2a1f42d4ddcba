//! `comenq pause`: post nothing more, with all accounts or with one.

use comenq_proto::QueuePause;

use super::{Context, resume::told};
use crate::{cli::PauseArgs, failure::Failure};

pub(super) fn run(args: PauseArgs, context: &mut Context<'_>) -> Result<(), Failure> {
    let request = QueuePause {
        account: args.account,
        reason: args.reason,
    };
    let reply = context.ask(&request)?;
    let text = match &request.account {
        Some(account) => {
            format!("account {account} posts nothing more; comenq resume {account} ends that")
        }
        None => "nothing more is posted; comenq resume ends that".to_owned(),
    };
    told(request.account.as_deref(), &reply.notes, &text, context)
}
