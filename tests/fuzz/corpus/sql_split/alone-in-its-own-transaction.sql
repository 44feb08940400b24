begin; create index concurrently i on t (a); commit; vacuum; start transaction; create index concurrently
