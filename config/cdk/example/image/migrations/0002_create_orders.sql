CREATE TYPE order_state AS ENUM ('open', 'paid', 'shipped', 'cancelled');

CREATE TABLE orders (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customers,
    state       order_state NOT NULL DEFAULT 'open',
    placed_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE order_lines (
    order_id bigint NOT NULL REFERENCES orders ON DELETE CASCADE,
    line     integer NOT NULL,
    article  text NOT NULL,
    quantity integer NOT NULL CHECK (quantity > 0),
    price    numeric(12, 2) NOT NULL CHECK (price >= 0),
    PRIMARY KEY (order_id, line)
);
