select 'a\'; select 'b;''c;' ; select '';
