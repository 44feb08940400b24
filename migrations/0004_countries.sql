-- Data as pg_dump writes it.
CREATE TABLE countries (
    code char(2) PRIMARY KEY,
    name text NOT NULL
);

COPY countries (code, name) FROM stdin;
AT	Austria
BE	Belgium
CI	Côte d'Ivoire
FR	France
PT	Portugal
\.

ALTER TABLE customers ADD COLUMN country char(2) REFERENCES countries;
