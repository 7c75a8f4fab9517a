-- The jobs of an account in the order of their ids, by which they are exported and deleted a few at a time.
CREATE INDEX job_of_account_by_id ON job (account_id, id) WHERE account_id IS NOT NULL;
DROP INDEX job_of_account;
