//! What is paid for: checkout, portal, a change of plan, and the withdrawal.

use std::collections::BTreeMap;

use app::{WITHDRAW_PLAN, WITHDRAW_SINCE, WITHDRAWN_AT};
use axum::response::Response;
use backend::billing::{
    shop::{self, PlannedChange},
    withdrawal,
};
use model::{paths, plan::Plan, routes::Page};
use serde::Deserialize;

use super::{FormReply, FormRequest, PathId, Submitted};

#[derive(Debug, Deserialize)]
pub(crate) struct CheckoutForm {
    plan: Plan,
}

/// On to Stripe's checkout.
pub(crate) async fn checkout(Submitted { form, fields }: Submitted<CheckoutForm>) -> Response {
    let begun = shop::buy(form.backend(), form.actor(), fields.plan).await;
    form.reply(begun.map(FormReply::To)).await
}

/// On to Stripe's portal.
pub(crate) async fn portal(form: FormRequest) -> Response {
    let opened = shop::portal(form.backend(), form.actor()).await;
    form.reply(opened.map(FormReply::To)).await
}

pub(crate) async fn change_plan(PathId(to): PathId<Plan>, form: FormRequest) -> Response {
    let changed = shop::change(form.backend(), form.actor(), to).await;
    form.reply(changed.map(|change| {
        let done = match change {
            PlannedChange::Upgrade { .. } => "plan-upgraded",
            PlannedChange::Downgrade => "plan-downgraded",
            PlannedChange::Cancel => "plan-cancelled",
            PlannedChange::Resume => "plan-resumed",
        };
        FormReply::to(paths::done(paths::BILLING, done))
    }))
    .await
}

#[derive(Debug, Deserialize)]
pub(crate) struct WithdrawForm {
    #[serde(default)]
    email: String,
    #[serde(default)]
    contract: String,
    #[serde(default)]
    step: WithdrawStep,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WithdrawStep {
    /// Which contract it is.
    #[default]
    Name,
    /// That it is meant.
    Confirm,
}

/// First shows what is withdrawn from; a second form confirms it.
pub(crate) async fn withdraw(Submitted { form, fields }: Submitted<WithdrawForm>) -> Response {
    let WithdrawForm {
        email,
        contract,
        step,
    } = fields;
    let shown = match step {
        WithdrawStep::Name => withdrawal::find(form.backend(), &email, &contract)
            .await
            .map(|contract| {
                vec![
                    ("contract", contract.number),
                    (WITHDRAW_PLAN, contract.plan.name().to_owned()),
                    (WITHDRAW_SINCE, contract.since.0.to_string()),
                ]
            }),
        WithdrawStep::Confirm => withdrawal::withdraw(form.backend(), &email, &contract)
            .await
            .map(|at| vec![("contract", contract.clone()), (WITHDRAWN_AT, at.0.to_string())]),
    };
    form.reply(shown.map(|values| {
        let values = values
            .into_iter()
            .chain([("email", email)])
            .map(|(name, value)| (name.to_owned(), value));
        FormReply::NextStep {
            page: Page::Withdraw,
            values: BTreeMap::from_iter(values),
        }
    }))
    .await
}
