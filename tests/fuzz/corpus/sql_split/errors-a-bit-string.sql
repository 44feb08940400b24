select 1, B'01;
