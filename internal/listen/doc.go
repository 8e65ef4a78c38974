// Package listen is the HTTP receiver of callbacks and webhooks. It reads a
// request once, bounded, has the provider's adapter judge the bytes, has the
// ledger commit them, and only then acknowledges in the provider's dialect: an
// acknowledgement is a promise that the delivery is durable. What the ledger
// cannot take goes to a spill file when the provider never sends again
// (reference/daraja.md §4.3), and is refused when it does. It also forwards
// deliveries to other URLs from a queue in the ledger.
//
// It leaves reading payloads to the adapters, storing to store, and showing to
// whoever sets Options.OnDelivery.
//
// # Threats
//
// What strangers must not be able to do, and the test that holds it:
//
//	have a browser post for them            TestPostOfAPage, trust_page_posts
//	be taken for this machine by a header   TestSecretPathIsDecidedOnThePeer, TestAddressCheck
//	pay by C2B where nothing vouches for it TestC2BIsNotOpen, trust_c2b_open
//	get round an enforced check by a socket TestEnforceKnowsNoPeer
//	plant a spilled delivery                TestPlantedSpill, TestForeignSpill, FuzzSpilled, trust_planted_beside
//	plant a token, or a TLS key             trust_planted_beside, TestForeignTLS, FuzzTokenFile (daraja)
//	have a lock made where a link leads     TestNoLockFollowsALink (filelock), TestTokenLockIsNoLink (daraja)
//	name a file that others can write       trust_planted_files, trust_foreign_settings
//	get past a secret path by a file        TestPlantedSpillUnderASecretPath
//	keep honest callbacks out               TestSilentConnections, TestIdleGivesWay, TestBackPressure
//	keep a processor busy before proof      TestCostBeforeTheSignatureFits (wasaapay), TestCostOfABody (daraja)
//	keep it busy by a filter                trust_filter_bounds
//	speak to targets in payctl's name       TestForgedVerdictHeader, FuzzHeaderFolding (deliver), trust_forged_verdict, trust_replayed_verdict
//	have a contradiction forwarded          TestForwardStranger (store), trust_forged_verdict
//	read a credential from the ledger       TestCredentialIsNotStored, trust_forged_verdict
//	settle in another environment           TestEnvironmentsFailClosed (wasaapay), trust_environment
//	have an id read as it was not signed    TestIDsAreStrings, FuzzIDs (wasaapay, daraja, sevi), trust_environment
//	learn a number from its hash            TestHashesAreNumbers (payment), trust_hashed_phones
//	command the operator's terminal         trust_terminal, FuzzSafe (ui)
//	see a secret's end, a credential        trust_secrets_shown, TestCredentialsAreHidden (view)
//	decide by a project file                TestProjectFile, FuzzProjectFile (config), trust_project_file
//	decide by somebody else's file          TestFilesOfAnotherUser (config), trust_foreign_settings
//	decide by a planted ledger              TestPlantedLedger, TestForeignLedger (store), trust_planted_ledger
//	bury requests in odd paths and framing  TestHostileRequests, FuzzHandler
//	any of it, with the real program        TestHostile (payctl)
package listen
