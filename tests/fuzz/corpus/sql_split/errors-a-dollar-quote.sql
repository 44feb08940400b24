select
  $body$ ; $Body$ ; $body ;
