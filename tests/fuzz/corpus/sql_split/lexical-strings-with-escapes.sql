select E'it\'s; ok', e'\\'; select E'\\\'; still'; select E'a''b\';';
