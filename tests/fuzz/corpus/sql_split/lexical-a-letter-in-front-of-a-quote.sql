select B'01;', X'1F;', N'a;', U&'d\0061t;a', b'1', x'a', n'\'; select re'a\'; select u&"a;b";
