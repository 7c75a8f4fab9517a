-- What people pay for. Of Stripe we keep the customer's id and the state of the subscription, of its events id, type, time and what
-- came of them (P11, P32). Card, name and address are Stripe's alone.

-- What the operator gave by hand, and what is paid for. `plan` is the better one of both.
ALTER TABLE account ADD COLUMN granted_plan TEXT NOT NULL DEFAULT 'free' CHECK (granted_plan IN ('free', 'pro', 'studio'));
ALTER TABLE account ADD COLUMN paid_plan TEXT NOT NULL DEFAULT 'free' CHECK (paid_plan IN ('free', 'pro', 'studio'));
UPDATE account SET granted_plan = plan;

CREATE TABLE billing_customer (
    account_id         TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    -- Stripe keeps live and test objects apart; a row of one mode is never read in the other.
    mode               TEXT   NOT NULL CHECK (mode IN ('live', 'test')),
    -- cus_…; nothing while Stripe is being asked for one.
    customer_id        TEXT   UNIQUE,
    -- Idempotency keys: of the customer's making, and of the checkout that is open, which is for `checkout_plan`.
    operation          TEXT   NOT NULL,
    checkout_operation TEXT,
    checkout_plan      TEXT   CHECK (checkout_plan IN ('pro', 'studio')),
    created_at         BIGINT NOT NULL,
    -- Raised by each reading of Stripe, so that of two at once neither writes over what the other saw later.
    version            BIGINT NOT NULL DEFAULT 0,
    synced_at          BIGINT,
    -- The state of the subscription, as it was read last; nothing before the first one.
    subscription_id    TEXT,
    item_id            TEXT,
    -- By what its owner names it when they withdraw from it.
    contract           TEXT   UNIQUE,
    status             TEXT   CHECK (status IN ('incomplete', 'incomplete_expired', 'trialing', 'active', 'past_due', 'unpaid', 'canceled', 'paused')),
    -- What the next invoice is for; what it gives now is the account's `paid_plan`.
    next_plan          TEXT   CHECK (next_plan IN ('pro', 'studio')),
    started_at         BIGINT,
    -- The end of what the last paid invoice covers.
    paid_until         BIGINT,
    -- Set when it was cancelled: when it ends, or ended.
    ends_at            BIGINT,
    PRIMARY KEY (account_id, mode)
);

-- A subscription that is ended at once, and all that was paid for it given back; done by a job.
CREATE TABLE billing_refund (
    id              TEXT   NOT NULL PRIMARY KEY,
    account_id      TEXT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    mode            TEXT   NOT NULL CHECK (mode IN ('live', 'test')),
    subscription_id TEXT   NOT NULL UNIQUE,
    contract        TEXT,
    -- withdrawal: its owner withdrew within 14 days. duplicate: a second one beside the first, which nobody wants.
    reason          TEXT   NOT NULL CHECK (reason IN ('withdrawal', 'duplicate')),
    requested_at    BIGINT NOT NULL,
    done_at         BIGINT
);
CREATE INDEX billing_refund_of_account ON billing_refund (account_id, id);

-- What Stripe told us of, so that each is looked at once. Not whose it was.
CREATE TABLE billing_event (
    id          TEXT   NOT NULL PRIMARY KEY,
    kind        TEXT   NOT NULL,
    received_at BIGINT NOT NULL,
    result      TEXT   NOT NULL CHECK (result IN ('queued', 'synced', 'ignored', 'unknown_customer', 'wrong_mode'))
);
CREATE INDEX billing_event_expired ON billing_event (received_at);
