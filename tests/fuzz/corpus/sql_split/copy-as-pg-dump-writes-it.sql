COPY public.t (id, v) FROM stdin;
1	a;b
2	it's "$$ /* --
\N	\\.
\.


--
-- Name: t_id_seq
--
SELECT pg_catalog.setval('public.t_id_seq', 2, true);
