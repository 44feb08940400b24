\restrict abc

SET statement_timeout = 0;

\unrestrict abc
