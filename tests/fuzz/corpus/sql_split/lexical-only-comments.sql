-- nothing here; really
/* nor; here /* at; all */ ; */
