-- a leading comment; with a semicolon
CREATE TABLE t (id int primary key, v text); /* nested /* comment; */ still; */
INSERT INTO t VALUES (1, E'it\'s; ok'), (2, 'a'';b'), (3, U&'d\0061t;a');
CREATE FUNCTION f1() RETURNS int LANGUAGE plpgsql AS $body$
BEGIN
  PERFORM $q$ ; inner $q$; -- ; comment
  RETURN 1;
END;
$body$;
CREATE FUNCTION f2(a int) RETURNS int LANGUAGE sql
BEGIN ATOMIC
  INSERT INTO t VALUES (a, CASE WHEN a > 1 THEN 'x;' ELSE 'y' END);
  SELECT a + 1;
END;
CREATE OR REPLACE PROCEDURE p1() LANGUAGE sql
BEGIN ATOMIC
  DELETE FROM t;
END;
BEGIN; UPDATE t SET v = 'b'; COMMIT;
CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2);
CREATE INDEX i1 ON t (v);
CREATE INDEX CONCURRENTLY i2 ON t (v);
ALTER TABLE t ALTER COLUMN v SET NOT NULL;
ALTER TABLE t ADD COLUMN ts timestamptz DEFAULT clock_timestamp(), ADD COLUMN n int DEFAULT 0;
SELECT "a;b", $1 FROM "weird;name" -- trailing
;;
SELECT 'no final semicolon'
