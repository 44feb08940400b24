select '--', '/*'; select "--;" ; select 1 * / 2; select 1 - - 2;
