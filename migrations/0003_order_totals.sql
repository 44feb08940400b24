-- Code of the release before knows no total: the column is nullable, and a trigger fills it.
-- NOT NULL comes one release later.
ALTER TABLE orders ADD COLUMN total numeric(14, 2);

CREATE FUNCTION set_order_total() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE orders
    SET total = (SELECT coalesce(sum(quantity * price), 0) FROM order_lines WHERE order_id = NEW.order_id)
    WHERE id = NEW.order_id;
    RETURN NEW;
END;
$$;

CREATE TRIGGER order_lines_total
AFTER INSERT OR UPDATE ON order_lines
FOR EACH ROW EXECUTE FUNCTION set_order_total();
