select 1.5e10, .5, 1., 1e-5, 1..2, 0x1F, 1_000; select 1E'a\'; select 1e--x
; select 2;
