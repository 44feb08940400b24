-- The table is still small here; on a large one this wants CREATE INDEX CONCURRENTLY.
CREATE INDEX orders_customer_id ON orders (customer_id, placed_at);
